/**
 * `server.process.pid_file`: written whole or not at all, and removed only by who wrote it.
 *
 * @module
 */
import type { Logger } from "../gateway/log.ts";
import { pidFileDraft } from "./pid_file_draft.ts";

/**
 * Writes this process's id. The file is made aside and renamed, so that a reader never sees half of
 * it. The default directory exists only for the packaged service, so a missing directory is worth a
 * word only to those who look for one; anything else is a warning, and never a reason not to serve.
 *
 * @returns Whether it was written.
 */
export function writePidFile(path: string, log: Logger): boolean {
  try {
    const draft = pidFileDraft(path);
    Deno.writeTextFileSync(draft, `${Deno.pid}\n`, { mode: 0o644 });
    Deno.renameSync(draft, path);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const level = error instanceof Deno.errors.NotFound ? "debug" : "warn";
    log.log(level, "fluxheim", `server.process.pid_file: not written: ${reason}`);
    return false;
  }
}

/** Removes the file, unless a later process has written its own. */
export function removePidFile(path: string): void {
  try {
    if (Deno.readTextFileSync(path).trim() === String(Deno.pid)) Deno.removeSync(path);
  } catch {
    // Gone already, or its directory is: the next start overwrites what may be left.
  }
}
