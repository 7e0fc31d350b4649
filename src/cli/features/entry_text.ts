/**
 * The source text of a profile's two files: its list of modules, and the entry of its edge workers.
 * Committed profiles and custom sets come from the same text, so neither can hold anything else.
 *
 * @module
 */

/** What the two files are made from. */
export interface EntryText {
  readonly name: string;
  readonly use: string;
  /** Folders of `src/modules`, in the order of the list. */
  readonly folders: readonly string[];
  /** Whether it may put down what it did: not where `privacy-mode` is in it. */
  readonly keepsRecords: boolean;
  /** Path from the file's own folder to `src`, without a slash at the end. */
  readonly source: string;
}

/** The file that lists the modules; run as an entry, it is the program with them. */
export function profileText({ name, use, folders, keepsRecords, source }: EntryText): string {
  const sorted = [...folders].sort();
  return [
    `/** Profile \`${name}\`: ${use}. @module */`,
    "// First of all: no module may find what no permission guards.",
    `import "${source}/runtime/unguarded.ts";`,
    "",
    ...sorted.map((f) =>
      `import { module as ${camel(f)} } from "${source}/modules/${f}/module.ts";`
    ),
    `import type { Profile } from "${source}/runtime/profile.ts";`,
    ...(keepsRecords ? [`import { records } from "${source}/runtime/records.ts";`] : []),
    "",
    "/** What this build contains. */",
    "export const profile: Profile = {",
    `  name: "${name}",`,
    "  modules: [",
    ...folders.map((f) => `    ${camel(f)},`),
    "  ],",
    ...(keepsRecords ? ["  records,"] : []),
    `  workerUrl: new URL("./${name}_worker.ts", import.meta.url),`,
    "};",
    "",
    "if (import.meta.main) {",
    `  const { main } = await import("${source}/cli/main.ts");`,
    "  await main(profile);",
    "}",
    "",
  ].join("\n");
}

/** The file that an edge worker of the profile runs. */
export function workerText({ name, source }: EntryText): string {
  return [
    `/** Entry of the edge workers of profile \`${name}\`. @module */`,
    `import { runEdgeWorker } from "${source}/runtime/edge_worker.ts";`,
    `import { profile } from "./${name}.ts";`,
    "",
    "runEdgeWorker(profile);",
    "",
  ].join("\n");
}

function camel(folder: string): string {
  return folder.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
