/**
 * Large files that every thread reads and none may open itself: one copy for the process, in shared memory. A
 * file that takes the place of one is read again, and the threads that hold the old one keep it until they are
 * given the new one.
 *
 * @module
 */
import type { FileRequest } from "../../gateway/module.ts";

/** The content of a file, a view of shared memory; or why it cannot be used, as the rest of a sentence. */
export type SharedLook =
  | { readonly content: Uint8Array; readonly problem?: undefined }
  | { readonly problem: string };

interface Entry {
  /** Text that is the same as long as nothing about the file has changed; `""` where there is none. */
  readonly stamp: string;
  readonly look: SharedLook;
  /** Other threads may have it, and write to it: it is not parsed here any more. */
  readonly isProved: boolean;
}

/** The shared files of a process, as they were when they were last looked at. */
export class SharedFiles {
  readonly #entries = new Map<string, Entry>();

  /** What the last look at `path` has found. */
  last(path: string): SharedLook | undefined {
    return this.#entries.get(path)?.look;
  }

  /** Reads the file of `request`, unless it is the same file as before: then the same object is returned. */
  async look({ path, maxBytes }: FileRequest): Promise<SharedLook> {
    const before = this.#entries.get(path);
    const found = await readShared(path, maxBytes, before?.stamp);
    if (found === "unchanged" && before !== undefined) return before.look;
    const entry = found === "unchanged" ? { stamp: "", look: { problem: CHANGED } } : found;
    const isSame = before !== undefined && before.look.problem !== undefined &&
      before.look.problem === entry.look.problem;
    const look = isSame ? before.look : entry.look;
    this.#entries.set(path, { stamp: entry.stamp, look, isProved: false });
    return look;
  }

  /**
   * Whether the content at `path` has passed its checks, after which it may have been handed to other threads.
   * They can write to it, so the keeper parses it no more.
   */
  isProved(path: string): boolean {
    return this.#entries.get(path)?.isProved === true;
  }

  /** The content at `path` has passed its checks. */
  markProved(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#entries.set(path, { ...entry, isProved: true });
  }

  /**
   * The content that was found at `path` is not fit: it is released, and not looked at again.
   *
   * @param message May begin with the path.
   */
  refuse(path: string, message: string): void {
    const problem = message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
    const stamp = this.#entries.get(path)?.stamp ?? "";
    this.#entries.set(path, { stamp, look: { problem }, isProved: false });
  }

  /** Forgets all files but these. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of this.#entries.keys()) if (!paths.has(path)) this.#entries.delete(path);
  }
}

type Read = Omit<Entry, "isProved">;

const CHANGED = "was changed while it was read; replace it by renaming";

/** Reads the file at `path` unless its stamp is `known`. */
async function readShared(
  path: string,
  maxBytes: number,
  known: string | undefined,
): Promise<Read | "unchanged"> {
  try {
    const info = await Deno.lstat(path);
    const stamp = stampOf(info);
    if (stamp === known) return "unchanged";
    const unfit = (problem: string): Read => ({ stamp, look: { problem } });
    if (!info.isFile) return unfit("must be a regular file and not a symbolic link");
    if (info.size > maxBytes) return unfit(`must be at most ${maxBytes / 2 ** 20} MiB`);
    using file = await Deno.open(path, { read: true });
    // The path may have been given to another file since it was looked at.
    if (stampOf(await file.stat()) !== stamp) return { stamp: "", look: { problem: CHANGED } };
    const content = new Uint8Array(new SharedArrayBuffer(info.size));
    for (let at = 0; at < content.length;) {
      const count = await file.read(content.subarray(at));
      if (count === null) return { stamp: "", look: { problem: CHANGED } };
      at += count;
    }
    if (stampOf(await file.stat()) !== stamp) return { stamp: "", look: { problem: CHANGED } };
    return { stamp, look: { content } };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { stamp: "", look: { problem: "must exist" } };
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { stamp: "", look: { problem: `must be readable: ${reason}` } };
  }
}

function stampOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}
