/**
 * What is at a path below a root, found without following a symbolic link unawares.
 *
 * The runtime has no `openat` and, under a scoped read permission, no `O_NOFOLLOW` either, and such a
 * permission does not stop a link from leading out of the root. So each component is looked at on its own.
 *
 * @module
 */

import { isClosed } from "../../../config/read/unusable_path.ts";

/** Something as it was when it was looked at. */
export interface Sight {
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** Looks at paths: as {@linkcode look} does, or through links that may be followed (`links.ts`). */
export interface Looker {
  look(path: string): Deno.FileInfo | undefined;
  /** How many links it has followed so far. */
  readonly followed: number;
}

/** Follows no link. */
const PLAIN: Looker = { look, followed: 0 };

/** A regular file or a directory, and the way to it. */
export interface Place extends Sight {
  /** The directories it was reached through, the root first; without itself. */
  readonly above: readonly Sight[];
  /** By which it was found. */
  readonly looker: Looker;
  /** A link was followed on the way to it. */
  readonly isLinked: boolean;
  /** `Date.now()` before the first of these was looked at. */
  readonly lookedAt: number;
}

/** Nothing that may be served: no such name, a link on the way, or a device, socket or pipe. */
export interface Absent {
  /** How many names from the root down lead to where the way ends; 0 when the root itself is not there. */
  readonly depth: number;
}

/**
 * Looks for `names` below `root`. The root's own place in the file system is the operator's word; its
 * parents are not looked at.
 *
 * @throws What the system says other than that there is no such thing: no right to look, a failing disk.
 */
export function locate(
  root: string,
  names: readonly string[],
  looker: Looker = PLAIN,
): Place | Absent {
  const { followed } = looker;
  const lookedAt = Date.now();
  const above: Sight[] = [];
  let path = root;
  let info = looker.look(path);
  for (let depth = 0;; depth++) {
    if (info === undefined || !(info.isDirectory || info.isFile)) return { depth };
    if (depth === names.length) {
      return { path, info, above, looker, isLinked: looker.followed > followed, lookedAt };
    }
    // The file itself is there; what is not is anything below it.
    if (info.isFile) return { depth: depth + 1 };
    above.push({ path, info });
    path = below(path, names[depth]);
    info = looker.look(path);
  }
}

/** The first of `names` that is a regular file in `directory`. */
export function locateAny(directory: Place, names: readonly string[]): Place | undefined {
  for (const name of names) {
    const path = below(directory.path, name);
    const { looker, lookedAt } = directory;
    const { followed } = looker;
    const info = looker.look(path);
    if (info?.isFile) {
      const isLinked = directory.isLinked || looker.followed > followed;
      return { path, info, above: [...directory.above, directory], looker, isLinked, lookedAt };
    }
  }
  return undefined;
}

/** The path of `name` in a directory. */
export function below(directory: string, name: string): string {
  return directory === "/" ? "/" + name : directory + "/" + name;
}

/** What is at `path`, its last component not followed; `undefined` when there is no such thing. */
export function look(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    // A root may contain them: there is nothing to serve in `/proc` below `/`.
    if (isAbsence(error) || isClosed(path)) return undefined;
    throw error;
  }
}

/** Whether two looks, or a look and an open file, saw the same thing. */
export function isSame(
  a: { readonly dev: number; readonly ino: number | null },
  b: { readonly dev: number; readonly ino: number | null },
): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/**
 * System errors that say that there is nothing at a path, or nothing that could be served: among them a
 * chain of links that was put there a moment ago, and a socket.
 */
const ABSENCE = ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ENXIO"];

/** Whether an error says that there is nothing at a path. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" &&
    ABSENCE.includes(error.code);
}
