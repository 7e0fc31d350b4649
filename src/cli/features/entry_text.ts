/**
 * The source text of a profile's files: its list of modules, the program with them, and the entries of its
 * edge workers and of the services in which several modules have parts. Entries of other services are in
 * their modules, which name them. Committed profiles and custom sets come from the same text, so
 * neither can hold anything else.
 *
 * @module
 */
import { ADMIN_FOLDERS, CONTROL_FOLDERS, TELEMETRY_FOLDERS } from "../../catalog/modules.ts";

/** What the files are made from. */
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

/** The file that lists the modules. */
export function profileText({ name, use, folders, keepsRecords, source }: EntryText): string {
  return [
    `/** Profile \`${name}\`: ${use}. @module */`,
    ...guard(source),
    ...moduleImports("module", folders, source),
    `import type { Profile } from "${source}/runtime/threads/profile.ts";`,
    ...recordsImport(keepsRecords, source),
    "",
    "/** What this build contains. */",
    "export const profile: Profile = {",
    `  name: "${name}",`,
    ...parts(folders, keepsRecords),
    `  workerUrl: new URL("./${name}_worker.ts", import.meta.url),`,
    "  services: {",
    ...sharedServices(folders).map((role) =>
      `    ${role}: new URL("./${name}_${role}.ts", import.meta.url),`
    ),
    "  },",
    "};",
    "",
  ].join("\n");
}

/**
 * The program with the modules of a profile.
 *
 * @param profile Path of the file that lists them, from this file's own folder.
 * @param cli Path of `src/cli`, likewise.
 */
export function programText(
  { name }: Pick<EntryText, "name">,
  profile: string,
  cli: string,
): string {
  return [
    `/** The program with profile \`${name}\`. @module */`,
    `import { profile } from "${profile}";`,
    `import { main } from "${cli}/main.ts";`,
    "",
    "export { profile };",
    "",
    "if (import.meta.main) await main(profile);",
    "",
  ].join("\n");
}

/** The file that an edge worker of the profile runs: the same modules, of each the part that serves. */
export function workerText({ name, folders, keepsRecords, source }: EntryText): string {
  return [
    `/** Entry of the edge workers of profile \`${name}\`. @module */`,
    ...guard(source),
    ...moduleImports("edge", folders, source),
    `import { runEdgeWorker } from "${source}/runtime/threads/edge_worker.ts";`,
    ...recordsImport(keepsRecords, source),
    "",
    "runEdgeWorker({",
    ...parts(folders, keepsRecords),
    "});",
    "",
  ].join("\n");
}

/** A service that several modules have parts in; each part is a file of that name. */
export type SharedService = "control" | "telemetry";

const PARTS: Readonly<Record<SharedService, readonly string[]>> = {
  control: CONTROL_FOLDERS,
  telemetry: TELEMETRY_FOLDERS,
};

/** Those of `folders` that have a part in a service; parts of the admin API are nothing without it. */
function partsOf(role: SharedService, folders: readonly string[]): readonly string[] {
  return folders.filter((folder) =>
    PARTS[role].includes(folder) &&
    (folders.includes("admin") || !ADMIN_FOLDERS.includes(folder))
  );
}

/** The shared services that modules in `folders` have parts in. */
export function sharedServices(folders: readonly string[]): readonly SharedService[] {
  return (["control", "telemetry"] as const).filter((role) => partsOf(role, folders).length > 0);
}

/** The file that a shared service of the profile runs: the parts that its modules have in it. */
export function serviceText(
  role: SharedService,
  { name, folders, source, keepsRecords }: Omit<EntryText, "use">,
): string {
  const own = partsOf(role, folders);
  const parts = own.map(camel).join(", ");
  return [
    `/** Entry of the ${role} service of profile \`${name}\`. @module */`,
    ...guard(source),
    ...moduleImports(role, own, source),
    ...(keepsRecords
      // A socket has a file.
      ? [
        `import { unixSockets } from "${source}/net/listen/unix.ts";`,
        `import { runServiceWith } from "${source}/runtime/threads/service_thread.ts";`,
        "",
        `runServiceWith(unixSockets, ${parts});`,
      ]
      : [
        `import { runService } from "${source}/runtime/threads/service_thread.ts";`,
        "",
        `runService(${parts});`,
      ]),
    "",
  ].join("\n");
}

function guard(source: string): string[] {
  return [
    "// First of all: no module may find what no permission guards.",
    `import "${source}/runtime/permissions/unguarded.ts";`,
    "",
  ];
}

/** @param face The file of a module's folder that is imported, and what it exports. */
function moduleImports(
  face: "module" | "edge" | SharedService,
  folders: readonly string[],
  source: string,
): string[] {
  return [...folders].sort().map((folder) => {
    const name = camel(folder);
    const named = name === face ? face : `${face} as ${name}`;
    return `import { ${named} } from "${source}/modules/${folder}/${face}.ts";`;
  });
}

function recordsImport(keepsRecords: boolean, source: string): string[] {
  return keepsRecords ? [`import { records } from "${source}/runtime/log/records.ts";`] : [];
}

function parts(folders: readonly string[], keepsRecords: boolean): string[] {
  return [
    "  modules: [",
    ...folders.map((folder) => `    ${camel(folder)},`),
    "  ],",
    ...(keepsRecords ? ["  records,"] : []),
  ];
}

function camel(folder: string): string {
  return folder.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
