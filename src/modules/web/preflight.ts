/**
 * What must be true of a root before it is served from, and what serving from it must be allowed.
 *
 * @module
 */
import { whyNot } from "../../config/read/file_facts.ts";
import type { Problem } from "../../config/types.ts";
import type { Grant } from "../../gateway/module.ts";
import { below, look } from "./files/lookup.ts";
import type { PageConfig } from "./schema.ts";

/**
 * Checks that `root` is a directory that is there, that no part of its path is a symbolic link unless such
 * are followed, and that this process may enter it. Whether the service may, where that is another user, only its start can show.
 *
 * @param key Of the root, for the problem: `vhosts[0].web.root`.
 */
export async function checkRoot(
  { root, symlinks }: Pick<PageConfig, "root" | "symlinks">,
  key: string,
): Promise<Problem[]> {
  const followed = symlinks !== "refuse";
  const hint = `to follow it set ${
    key.replace(/root$/, "symlinks")
  } to "same-owner" or "inside-root"`;
  try {
    const info = followed ? await Deno.stat(root) : await Deno.lstat(root);
    if (info.isSymlink) return [{ key, message: `${root} must not be a symbolic link`, hint }];
    if (!info.isDirectory) return [{ key, message: `${root} must be a directory` }];
    const real = followed ? root : await Deno.realPath(root);
    if (real !== root) {
      return [{
        key,
        message: `${root} must not lead through a symbolic link`,
        hint: `it stands for ${real}; ${hint}`,
      }];
    }
    // To look at a directory takes no right to enter it; to look for anything in it does.
    look(below(root, "index.html"));
    return [];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [{ key, message: `${root} must exist` }];
    if (!(error instanceof Deno.errors.PermissionDenied)) {
      return [{ key, message: `${root} must be readable: ${whyNot(error)}` }];
    }
    return [{
      key,
      message: `${root} must be a directory that this process may enter: permission denied`,
      hint: "run as the service user, and let it enter (x) this directory and those above it",
    }];
  }
}

/** Checks that the names in a root that is to be listed can be read, which takes more than to enter it. */
export async function checkListing(web: PageConfig, key: string): Promise<Problem[]> {
  if (!web.directory_listing.enabled) return [];
  try {
    for await (const _ of Deno.readDir(web.root)) break;
    return [];
  } catch (error) {
    return [{
      key,
      message: `${web.root} must be a directory that can be listed: ${whyNot(error)}`,
    }];
  }
}

/** Reading below the root: workers serve from it, the keeper checks it. */
export function rootGrants(web: Pick<PageConfig, "root">, key: string): Grant[] {
  return [
    { value: web.root, key, for: "edge" },
    { value: web.root, key, for: "keeper" },
  ];
}
