/** Trees of applications as Debian packages them. @module */
import { run } from "./run.ts";

/** Whether there is one. */
export function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** A copy of a tree. Packages link to other packages, and no link below a root is followed. */
export async function copyTree(from: string, to: string): Promise<void> {
  // Links that lead nowhere, as to a configuration that is still to be written, are not copied.
  await run("cp", "-rL", from, to).catch(() => {});
}

/** Has the user that scripts run as own a tree, which all may read. */
export async function giveToPhp(root: string): Promise<void> {
  await run("chmod", "-R", "u+rwX,go+rX", root);
  if (Deno.uid() === 0) await run("chown", "-R", "www-data:www-data", root);
}
