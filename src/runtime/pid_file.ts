/**
 * `server.process.pid_file`: written whole or not at all, and removed only by who wrote it.
 *
 * @module
 */

/** Where the file is put together before it gets its name. */
export function pidFileDraft(path: string): string {
  return `${path}.new`;
}

/**
 * Writes this process's id. The file is made aside and renamed, so that a reader never sees half of it.
 *
 * @throws When the directory is missing or must not be written to.
 */
export function writePidFile(path: string): void {
  const draft = pidFileDraft(path);
  Deno.writeTextFileSync(draft, `${Deno.pid}\n`, { mode: 0o644 });
  Deno.renameSync(draft, path);
}

/** Removes the file unless a later process has written its own. */
export function removePidFile(path: string): void {
  try {
    if (Deno.readTextFileSync(path).trim() === String(Deno.pid)) Deno.removeSync(path);
  } catch {
    // Gone already, or the directory is: the next start overwrites what may be left.
  }
}
