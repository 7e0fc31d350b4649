/**
 * Files below `tls.acme.storage`: written aside, synced and renamed, never through a link. They get the owner of the
 * storage, so that a companion that runs as root does not lock the gateway out (spec 05 section 6.5).
 *
 * @module
 */

/** Mode of directories that are made. */
const DIRECTORY_MODE = 0o700;

/** Makes the storage itself, of whose directory above nothing may be known here. */
export function makeStorage(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
}

/** Makes a directory below the storage, and those above it that are missing. */
export function makeDirectory(path: string): void {
  if (lookAt(path)?.isDirectory === true) return;
  const parent = parentOf(path);
  if (lookAt(parent) === undefined) makeDirectory(parent);
  try {
    Deno.mkdirSync(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    // Another process may have made it.
    if (error instanceof Deno.errors.AlreadyExists && lookAt(path)?.isDirectory === true) return;
    throw error;
  }
  inheritOwner(path);
}

/** Puts a file at `path`, whole or not at all. */
export function putFile(path: string, content: Uint8Array, mode: number): void {
  makeDirectory(parentOf(path));
  const temporary = `${parentOf(path)}/.${nameOf(path)}.tmp`;
  writeNew(temporary, content, mode);
  Deno.renameSync(temporary, path);
  syncDirectory(parentOf(path));
}

/** Writes a file that is not there; what was left of one is removed first. */
export function writeNew(path: string, content: Uint8Array, mode: number): void {
  removeIfThere(path);
  {
    using file = Deno.openSync(path, { write: true, createNew: true, mode });
    for (let at = 0; at < content.length;) at += file.writeSync(content.subarray(at));
    file.syncSync();
  }
  inheritOwner(path);
}

/**
 * Content of a regular file.
 *
 * @returns `undefined` where there is none.
 * @throws {Error} For something else at `path`, and for a file of more than `maxBytes`.
 */
export function readIfThere(path: string, maxBytes: number): Uint8Array | undefined {
  const info = lookAt(path);
  if (info === undefined) return undefined;
  if (!info.isFile) throw new Error(`${path} is not a regular file`);
  if (info.size > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Takes what cannot be used out of the way, and keeps the last of its kind for an operator to look at.
 *
 * @returns Where it is now.
 */
export function setAside(path: string): string {
  const aside = `${path}.damaged`;
  const earlier = lookAt(aside);
  if (earlier !== undefined) Deno.removeSync(aside, { recursive: earlier.isDirectory });
  Deno.renameSync(path, aside);
  syncDirectory(parentOf(path));
  return aside;
}

/** Removes a file. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Renames a file, unless there is none. */
export function renameIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What was done in a directory is on the disk afterwards. */
export function syncDirectory(path: string): void {
  using handle = Deno.openSync(path);
  handle.syncSync();
}

/** Facts of what is at `path`; `undefined` where there is nothing. */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function inheritOwner(path: string): void {
  const { uid, gid } = Deno.lstatSync(path);
  const parent = Deno.lstatSync(parentOf(path));
  if (uid === parent.uid || parent.uid === null) return;
  Deno.chownSync(path, parent.uid, parent.gid ?? gid);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
