/**
 * Files and directories of tests with exact modes. The gateway refuses configurations, certificates and
 * directories that others could change, and what a new file may be is otherwise a matter of the umask of
 * the user that runs the tests: 002 on Ubuntu and Fedora, where every file is writable by its group.
 *
 * @module
 */

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const KEY_MODE = 0o600;

/** Writes a file, directories as needed. Its mode is 0600 for a private key (by its name), else 0644. */
export function putFile(
  path: string,
  content: string | Uint8Array,
  mode = isKey(path) ? KEY_MODE : FILE_MODE,
): void {
  putDirectory(path.slice(0, path.lastIndexOf("/")));
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  Deno.writeFileSync(path, bytes);
  Deno.chmodSync(path, mode);
}

/** Makes a directory and those above it that are missing, each with exactly this mode. */
export function putDirectory(path: string, mode = DIRECTORY_MODE): void {
  if (path === "" || exists(path)) return;
  putDirectory(path.slice(0, path.lastIndexOf("/")), mode);
  Deno.mkdirSync(path);
  Deno.chmodSync(path, mode);
}

/** A new directory for one test, by its real path; only this user may change what is in it. */
export function newDirectory(prefix = "fluxheim-"): string {
  const path = Deno.realPathSync(Deno.makeTempDirSync({ prefix }));
  Deno.chmodSync(path, DIRECTORY_MODE);
  if (made.length === 0) addEventListener("unload", removeMade);
  made.push(path);
  return path;
}

/** What {@linkcode newDirectory} has made, for the end of the file's tests. */
const made: string[] = [];

function removeMade(): void {
  for (const path of made) {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch {
      // Gone already, or another user's by now.
    }
  }
}

/** Copies a folder with the modes of {@linkcode putFile}; programs stay programs. */
export function copyFolder(from: string, to: string): void {
  putDirectory(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) {
      copyFolder(`${from}/${name}`, `${to}/${name}`);
      continue;
    }
    putFile(`${to}/${name}`, Deno.readFileSync(`${from}/${name}`));
    const executable = (Deno.statSync(`${from}/${name}`).mode ?? 0) & 0o100;
    if (executable !== 0) Deno.chmodSync(`${to}/${name}`, DIRECTORY_MODE);
  }
}

function isKey(path: string): boolean {
  return /\.key$|\bkey\.pem$/.test(path);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
