/** Entries of sets of modules, as `deno task validate-features` writes them. @module */
import { contentsOf, expandFeatures } from "../../src/cli/features/feature_set.ts";
import { entryFiles, ROOT } from "../../src/cli/tasks/entry_files.ts";
import type { TempDir } from "./peer.ts";

/** Writes the entry of a set and of its workers into `dir`; returns its path. */
export async function writeEntry(
  dir: TempDir,
  name: string,
  features: readonly string[],
): Promise<string> {
  const { modules, problems } = expandFeatures(features);
  if (problems.length > 0) throw new Error(problems.map((p) => p.message).join("; "));
  const source = `${ROOT}src`;
  const entry = { name, use: "a set for a test", source, ...contentsOf(modules) };
  for (const [file, text] of await entryFiles(entry)) dir.write(file, text);
  return `${dir.path}/${name}.ts`;
}

/** Paths below the checkout of every file of this project that an entry and its workers load. */
export async function graphOf(entry: string): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  for (const root of [entry, entry.replace(/\.ts$/, "_worker.ts")]) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", `--config=${ROOT}deno.json`, root],
      cwd: ROOT,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const { modules }: { modules: { local?: string; error?: string }[] } = JSON.parse(
      new TextDecoder().decode(stdout),
    );
    for (const { local, error } of modules) {
      if (error !== undefined) throw new Error(error);
      if (local?.startsWith(ROOT)) files.add(local.slice(ROOT.length));
    }
  }
  return files;
}
