/**
 * Symbolic links in a root: which are followed (`web.symlinks`).
 *
 * What a link leads to is looked at as if it were in the link's place, by the same path. So nothing
 * outside of the root need be allowed to be read by name, and a link that is changed is noticed as a
 * directory is that was swapped for another one. What can be proved of directories that were left alone
 * cannot be of those that a link leads through: such ways are always looked at again many times
 * (`unmoved.ts`), and each look asks anew whether the link may be followed.
 *
 * @module
 */
import { isAbsence, look, type Looker } from "./lookup.ts";

/** Values of `web.symlinks`. */
export const SYMLINKS = ["refuse", "same-owner", "inside-root"] as const;

/** Which links are followed. */
export type Symlinks = typeof SYMLINKS[number];

/** Called when something was not found because it is, or is behind, a link that is not followed. */
export type OnRefused = () => void;

/**
 * Looks at paths below a root, and through links where `web.symlinks` allows it. The root itself may be one
 * wherever links are followed at all: it is the operator's word.
 */
export class Links implements Looker {
  followed = 0;
  readonly #symlinks: Symlinks;
  readonly #root: string;
  readonly #refused: OnRefused;

  constructor(symlinks: Symlinks, root: string, refused: OnRefused) {
    this.#symlinks = symlinks;
    this.#root = root;
    this.#refused = refused;
  }

  look(path: string): Deno.FileInfo | undefined {
    const info = look(path);
    if (info === undefined || !info.isSymlink) return info;
    const target = this.#target(path, info);
    if (target === undefined) {
      this.#refused();
      // Its own description: callers take only files and directories.
      return info;
    }
    this.followed++;
    return target;
  }

  #target(path: string, info: Deno.FileInfo): Deno.FileInfo | undefined {
    if (this.#symlinks === "refuse") return undefined;
    if (path === this.#root) return followed(path);
    return this.#symlinks === "same-owner" ? ownersTarget(path, info) : inside(this.#root, path);
  }
}

/** What the link `info` at `path` leads to, if the maker of the link owns that (nginx: `if_not_owner`). */
function ownersTarget(path: string, info: Deno.FileInfo): Deno.FileInfo | undefined {
  const target = followed(path);
  return target !== undefined && target.uid === info.uid ? target : undefined;
}

/**
 * What the link at `path` leads to, if that is below the root by its real path. It is looked at there, by
 * a path through the root, so that the place that was judged is the place that was seen.
 */
function inside(root: string, path: string): Deno.FileInfo | undefined {
  try {
    const realRoot = Deno.realPathSync(root);
    const real = Deno.realPathSync(path);
    const base = realRoot === "/" ? "" : realRoot;
    if (real !== realRoot && !real.startsWith(base + "/")) return undefined;
    const place = (root === "/" ? "" : root) + real.slice(base.length);
    const target = real === realRoot ? followed(root) : look(place);
    return target?.isSymlink === true ? undefined : target;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function followed(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
