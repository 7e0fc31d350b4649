/**
 * The npm packages of a program: which of their files it does not need, and under what licence they
 * are used.
 *
 * @module
 */
import { join } from "node:path";
import { Failure } from "../command.ts";
import { ROOT } from "./entry_files.ts";

/** Code and its description. */
const NEEDED = /\.(?:js|cjs|mjs|json|node|wasm)$/;
const LICENCE = /^licen[cs]e(?:\.(?:md|txt))?$/i;

/** One package as the runtime keeps it. */
interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
  /** Keys of other packages. */
  readonly dependencies: readonly string[];
}

/** The packages of the project, and those an entry reaches. */
export interface NpmPackages {
  readonly all: readonly NpmPackage[];
  readonly reached: readonly NpmPackage[];
}

/** What `deno info --json` prints, as far as it is read. */
interface Info {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages?: Readonly<Record<string, NpmPackage>>;
}

/** Asks the runtime about the packages of `entry`. */
export async function npmPackages(entry: string): Promise<NpmPackages> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  if (!success) throw new Failure(new TextDecoder().decode(stderr).trim());
  const { modules, npmPackages: known = {} }: Info = JSON.parse(new TextDecoder().decode(stdout));
  const reached = new Set<string>();
  const reach = (key: string): void => {
    if (reached.has(key)) return;
    reached.add(key);
    known[key].dependencies.forEach(reach);
  };
  for (const { npmPackage } of modules) if (npmPackage !== undefined) reach(npmPackage);
  return {
    all: Object.values(known),
    reached: [...reached].sort().map((key) => known[key]),
  };
}

/**
 * Files to leave out of a program: everything but code. Beside the size, a licence or a readme cannot be
 * read as code, and the compiler would keep its complaint with the path of the file on the machine that
 * built it.
 */
export async function unusedFiles({ all }: NpmPackages): Promise<string[]> {
  const unused: string[] = [];
  for (const { localPath } of all) await collect(localPath, unused);
  return unused.sort();
}

async function collect(directory: string, unused: string[]): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) await collect(path, unused);
    else if (!NEEDED.test(name)) unused.push(path);
  }
}

/** The licences of everything that is in a program and not of this project, to go with it. */
export async function licences({ reached }: NpmPackages): Promise<string> {
  const parts: string[] = [];
  for (const { name, version, localPath } of reached) {
    const title = `${name} ${version}`;
    const text = await licenceText(localPath);
    if (text === undefined) throw new Failure(`${title} has no licence file`);
    parts.push(`${title}\n${"=".repeat(title.length)}\n\n${text.trim()}\n`);
  }
  return parts.join("\n\n");
}

async function licenceText(directory: string): Promise<string | undefined> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile && LICENCE.test(name)) return await Deno.readTextFile(join(directory, name));
  }
  return undefined;
}
