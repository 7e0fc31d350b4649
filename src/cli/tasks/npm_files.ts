/**
 * What of the npm packages a program does not need: everything but code and its description. Beside the
 * size, a licence or a readme cannot be read as code, and the compiler would keep its complaint with the
 * path of the file on the machine that built it.
 *
 * @module
 */
import { join } from "node:path";
import { Failure } from "../command.ts";
import { ROOT } from "./entry_files.ts";

const NEEDED = /\.(?:js|cjs|mjs|json|node|wasm)$/;

/** Paths to leave out of a program with this entry. */
export async function unusedFiles(entry: string): Promise<string[]> {
  const unused: string[] = [];
  for (const directory of await packageDirectories(entry)) await collect(directory, unused);
  return unused.sort();
}

async function collect(directory: string, unused: string[]): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) await collect(path, unused);
    else if (!NEEDED.test(name)) unused.push(path);
  }
}

/** Part of what `deno info --json` prints. */
interface Info {
  readonly npmPackages?: Readonly<Record<string, { readonly localPath?: string }>>;
}

/** Where the runtime keeps the packages of this project. */
async function packageDirectories(entry: string): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Failure(new TextDecoder().decode(stderr).trim());
  const { npmPackages = {} }: Info = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(npmPackages).flatMap(({ localPath }) => localPath ?? []);
}
