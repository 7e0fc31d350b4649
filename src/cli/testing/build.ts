/** Entries of sets of modules, as `deno task validate-features` writes them. @module */
import { pathToFileURL } from "node:url";
import { contentsOf, expandFeatures } from "../features/feature_set.ts";
import { customFiles, ROOT } from "../tasks/entry_files.ts";
import { threadEntries } from "../tasks/compiler.ts";
import type { Profile } from "../../runtime/threads/profile.ts";
import type { TempDir } from "../../runtime/testing/program.ts";

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
  for (const [file, text] of await customFiles(entry)) dir.write(file, text);
  return `${dir.path}/${name}.ts`;
}

/** A file as `deno info --json` describes it. */
interface GraphModule {
  readonly specifier: string;
  readonly local?: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** Paths below the checkout of every file of this project that an entry and its threads can load. */
export async function graphOf(entry: string): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  const { profile }: { profile: Profile } = await import(pathToFileURL(entry).href);
  for (const root of [entry, ...threadEntries(profile)]) {
    for (const { local, error } of await modulesOf(root)) {
      if (error !== undefined) throw new Error(error);
      if (local?.startsWith(ROOT)) files.add(local.slice(ROOT.length));
    }
  }
  return files;
}

/**
 * What `root` has loaded when it begins to run, and not what it imports on the way: paths below the checkout,
 * and packages and modules of the runtime as they are imported (`npm:/zod@4.6.7`).
 */
export async function startGraphOf(root: string): Promise<string[]> {
  const modules = new Map((await modulesOf(root)).map((module) => [module.specifier, module]));
  const found = new Set([pathToFileURL(root).href]);
  for (const specifier of found) {
    for (const { code, isDynamic } of modules.get(specifier)?.dependencies ?? []) {
      if (isDynamic !== true && code?.specifier !== undefined) found.add(code.specifier);
    }
  }
  return [...found].map((specifier) => {
    const local = modules.get(specifier)?.local;
    return local?.startsWith(ROOT) ? local.slice(ROOT.length) : specifier;
  });
}

async function modulesOf(root: string): Promise<readonly GraphModule[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `--config=${ROOT}deno.json`, root],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules }: { modules: readonly GraphModule[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return modules;
}
