/**
 * `deno task manifests`: writes what is generated from the profiles: `permissions/*.json`, the permission
 * sets of `deno.json`, and the container files. With `--check` it only compares, for CI: a module that
 * starts to need more changes a file that somebody reviews.
 *
 * @module
 */
import { PROFILES } from "../../profiles/catalog.ts";
import { type ManifestFile, manifestFile } from "../../profiles/manifest_text.ts";
import type { Profile } from "../../runtime/profile.ts";
import { EXIT } from "../command.ts";
import { ROOT } from "./entry_files.ts";
import { runTask, type Task } from "./task.ts";

const task: Task = {
  name: "manifests",
  usage: "[--check]",
  summary: "Writes permissions/*.json and the permission sets of deno.json from the profiles.",
  options: [{ name: "check", help: "compare with the files, write nothing" }],
  run: async (args) => {
    const files = await generatedFiles();
    return args.has("check") ? await compare(files) : await write(files);
  },
};

/** Every profile that has a file in `src/profiles`, in catalog order. */
export async function committedProfiles(): Promise<Profile[]> {
  const found: Profile[] = [];
  for (const { name } of PROFILES) {
    const file = new URL(`../../profiles/${name}.ts`, import.meta.url);
    if (!(await Deno.stat(file).then(() => true, () => false))) continue;
    const { profile }: { profile: Profile } = await import(file.href);
    found.push(profile);
  }
  return found;
}

/** Every generated file by its path below the checkout, with the text it must have. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const manifests = (await committedProfiles()).map(manifestFile);
  const files = new Map<string, string>();
  for (const manifest of manifests) {
    files.set(
      `permissions/${manifest.profile}.json`,
      JSON.stringify(manifest, undefined, 2) + "\n",
    );
  }
  files.set(
    "deno.json",
    withPermissionSets(await Deno.readTextFile(`${ROOT}deno.json`), manifests),
  );
  return files;
}

const SECTION = /\n {2}"permissions": \{\n(?: {4}.*\n)* {2}\},/;

/** `deno.json` with its section `permissions` replaced, the rest untouched. */
export function withPermissionSets(text: string, manifests: readonly ManifestFile[]): string {
  const sets = Object.fromEntries(manifests.map((m) => [m.profile, m.permissions]));
  const section = JSON.stringify({ permissions: sets }, undefined, 2).slice(2, -2);
  if (!SECTION.test(text)) throw new Error("deno.json has no section permissions");
  return text.replace(SECTION, () => `\n${section},`);
}

async function write(files: ReadonlyMap<string, string>): Promise<number> {
  for (const [path, text] of files) await Deno.writeTextFile(ROOT + path, text);
  return EXIT.ok;
}

async function compare(files: ReadonlyMap<string, string>): Promise<number> {
  const stale: string[] = [];
  for (const [path, text] of files) {
    const found = await Deno.readTextFile(ROOT + path).catch(() => undefined);
    if (found !== text) stale.push(path);
  }
  for await (const { name } of Deno.readDir(`${ROOT}permissions`)) {
    if (name.endsWith(".json") && !files.has(`permissions/${name}`)) {
      stale.push(`permissions/${name}`);
    }
  }
  for (const path of stale) console.error(`manifests: ${path} is not what the profiles say`);
  if (stale.length > 0) {
    console.error("manifests: run `deno task manifests` and review the difference");
  }
  return stale.length === 0 ? EXIT.ok : EXIT.failed;
}

if (import.meta.main) await runTask(task);
