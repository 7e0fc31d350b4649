/**
 * Files of the snapshot store: read without following links, and written aside, synced and renamed, so that
 * a crash or a full disk leaves the old file or the new one, and never half of one.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync } from "node:fs";

/** Files are the service user's alone. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;
/** Begins the name of a file that is being written. */
export const DRAFT_PREFIX = ".draft-";

/** Why the store cannot be used, or not in this way; its text is for the operator. */
export class StoreError extends Error {
  /**
   * A store that cannot be used.
   *
   * @param kind `refused`: what was asked for is not possible, `busy`: another process holds the store,
   * `damaged`: a file of it is not what it must be, `io`: the system failed.
   */
  constructor(readonly kind: "refused" | "busy" | "damaged" | "io", message: string) {
    super(message);
    this.name = "StoreError";
  }
}

/** Runs `job`; an error of the system becomes one of the store. */
export function guarded<T>(what: string, job: () => T): T {
  try {
    return job();
  } catch (error) {
    throw storeError(what, error);
  }
}

/** An error of the system as one of the store. */
export function storeError(what: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new StoreError("io", `${what}: this process was not started with the permission for it`);
  }
  return new StoreError("io", `${what}: ${error.message}`);
}

/**
 * The text of a regular file of at most `maxBytes`, or `undefined` where there is none.
 *
 * @throws {StoreError} when it is something else.
 */
export function readText(path: string, maxBytes: number): string | undefined {
  return guarded(path, () => {
    const looked = lstat(path);
    if (looked === undefined) return undefined;
    if (!looked.isFile) throw new StoreError("damaged", `${path} is not a regular file`);
    using file = Deno.openSync(path, { read: true });
    const opened = file.statSync();
    if (!opened.isFile || opened.dev !== looked.dev || opened.ino !== looked.ino) {
      throw new StoreError("damaged", `${path} was replaced while it was opened`);
    }
    const bytes = new Uint8Array(Math.min(opened.size, maxBytes) + 1);
    let length = 0;
    for (;;) {
      const count = file.readSync(bytes.subarray(length));
      if (count === null || count === 0) break;
      length += count;
    }
    if (length === bytes.length) {
      const most = `${path} is larger than ${maxBytes} bytes, or grew while it was read`;
      throw new StoreError("damaged", most);
    }
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
    } catch {
      throw new StoreError("damaged", `${path} is not UTF-8`);
    }
  });
}

/** A file that has been written and synced, and does not have its name yet. */
export interface Draft {
  /** Gives it its name, in place of what has that now, and syncs the directory. */
  commit(): void;
  /** Removes it. */
  discard(): void;
}

/**
 * Writes a file beside `path`.
 *
 * @throws {StoreError} when it could not be written whole; nothing is left of it.
 */
export function draft(path: string, text: string): Draft {
  const at = path.lastIndexOf("/");
  const [directory, name] = [path.slice(0, at), path.slice(at + 1)];
  const aside = `${directory}/${DRAFT_PREFIX}${name}.${crypto.randomUUID()}`;
  guarded(`${path} cannot be written`, () => {
    const file = Deno.openSync(aside, { write: true, createNew: true, mode: FILE_MODE });
    try {
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) {
        const count = file.writeSync(bytes.subarray(done));
        if (count === 0) throw new Error("the disk takes no more");
        done += count;
      }
      file.syncSync();
    } catch (error) {
      file.close();
      removeQuietly(aside);
      throw error;
    }
    file.close();
  });
  return {
    commit: () =>
      guarded(`${path} cannot be put in its place`, () => {
        if (lstat(path)?.isFile === false) {
          throw new StoreError("damaged", `${path} is not a regular file`);
        }
        Deno.renameSync(aside, path);
        syncDirectory(directory);
      }),
    discard: () => removeQuietly(aside),
  };
}

/** Writes a file whole. */
export function writeText(path: string, text: string): void {
  const written = draft(path, text);
  try {
    written.commit();
  } catch (error) {
    written.discard();
    throw error;
  }
}

/**
 * A directory of the store: made if it is not there, and the service user's alone.
 *
 * @throws {StoreError} when something else has its name.
 */
export function ownDirectory(path: string): void {
  guarded(path, () => {
    const before = lstat(path);
    if (before === undefined) Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    const info = Deno.lstatSync(path);
    if (!info.isDirectory) {
      throw new StoreError("damaged", `${path} must be a directory and not a symbolic link`);
    }
    if (((info.mode ?? 0) & OTHERS) !== 0) Deno.chmodSync(path, DIRECTORY_MODE);
  });
}

/** Makes names in a directory last: a rename is on the disk when its directory is. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Facts about what has the name `path`, or `undefined` where nothing has. */
export function lstat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a file if it is there and can be removed. */
export function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It stays; nothing reads it.
  }
}
