/**
 * `deno task manifests`: writes what is generated from the catalog of profiles. With `--check` it only
 * compares, for CI: a module that starts to need more changes a file that is reviewed.
 *
 * @module
 */
import { EXIT } from "../command.ts";
import { ROOT } from "./entry_files.ts";
import { type Files, leftOver, permissionFiles, profileEntries } from "./generated.ts";
import { runTask, type Task } from "./task.ts";

const task: Task = {
  name: "manifests",
  usage: "[--check]",
  summary:
    "Writes the entries of profiles, permissions/*.json and the permission sets of deno.json.",
  options: [{ name: "check", help: "compare with the files, write nothing" }],
  run: (args) => args.has("check") ? check() : write(),
};

async function write(): Promise<number> {
  const entries = await profileEntries();
  await writeAll(entries);
  // Read from the entries just written.
  const manifests = await permissionFiles();
  await writeAll(manifests);
  for (const path of await leftOver(new Map([...entries, ...manifests]))) {
    await Deno.remove(ROOT + path);
  }
  return EXIT.ok;
}

async function writeAll(files: Files): Promise<void> {
  await Deno.mkdir(`${ROOT}permissions`, { recursive: true });
  for (const [path, text] of files) await Deno.writeTextFile(ROOT + path, text);
}

async function check(): Promise<number> {
  const stale = await staleFiles();
  for (const path of stale) console.error(`manifests: ${path} is not what the profiles say`);
  if (stale.length === 0) return EXIT.ok;
  console.error("manifests: run `deno task manifests` and review the difference");
  return EXIT.failed;
}

/** Paths of generated files that are missing, different or left over. */
export async function staleFiles(): Promise<string[]> {
  const entries = await profileEntries();
  const stale = await differing(entries);
  // Manifests of stale entries would be compared with the wrong thing.
  if (stale.length > 0) return stale;
  const manifests = await permissionFiles();
  const expected = new Map([...entries, ...manifests]);
  return [...await differing(manifests), ...await leftOver(expected)];
}

async function differing(files: Files): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of files) {
    const found = await Deno.readTextFile(ROOT + path).catch(() => undefined);
    if (found !== text) stale.push(path);
  }
  return stale;
}

if (import.meta.main) await runTask(task);
