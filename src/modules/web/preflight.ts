/**
 * What must be true of a root before it is served from, and what serving from it must be allowed.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Grant } from "../../gateway/module.ts";
import type { PageConfig } from "./schema.ts";

/**
 * Checks that `root` is a directory that is there, and that no part of its path is a symbolic link.
 *
 * @param key Of the root, for the problem: `vhosts[0].web.root`.
 */
export async function checkRoot(root: string, key: string): Promise<Problem[]> {
  try {
    const info = await Deno.lstat(root);
    if (info.isSymlink) return [{ key, message: `${root} must not be a symbolic link` }];
    if (!info.isDirectory) return [{ key, message: `${root} must be a directory` }];
    const real = await Deno.realPath(root);
    if (real !== root) {
      return [{
        key,
        message: `${root} must not lead through a symbolic link`,
        hint: `it stands for ${real}`,
      }];
    }
    return [];
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "must exist"
      : `must be readable: ${error instanceof Error ? error.message : String(error)}`;
    return [{ key, message: `${root} ${reason}` }];
  }
}

/** Reading below the root: workers serve from it, the keeper checks it. */
export function rootGrants(web: PageConfig, key: string): Grant[] {
  return [
    { value: web.root, key, for: "edge" },
    { value: web.root, key, for: "keeper" },
  ];
}
