/**
 * `server.process.pid_file`: written whole or not at all, locked for as long as its gateway runs, and
 * removed only by who wrote it.
 *
 * @module
 */
import type { Logger } from "../gateway/reports/log.ts";
import { pidFileDraft } from "./pid_file_draft.ts";
import type { PidFile } from "./log/record_types.ts";

const encoder = new TextEncoder();

/**
 * Writes this process's id and locks the file (flock(2)): the system takes the lock away when the process
 * ends, however it ends, so a file that no process holds is one that its gateway left behind.
 *
 * The default directory exists only for the packaged service, so a missing directory is worth a word only
 * to those who look for one; anything else is a warning, and never a reason not to serve.
 *
 * @returns What was written, to be removed at the end.
 */
export function writePidFile(path: string, log: Logger): PidFile | undefined {
  try {
    const file = publish(path);
    return { remove: () => remove(path, file) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const level = error instanceof Deno.errors.NotFound ? "debug" : "warn";
    log.log(level, "fluxheim", `server.process.pid_file: not written: ${reason}`);
    return undefined;
  }
}

/**
 * Makes the file aside and renames it, so that a reader never sees half of it, nor one without its lock.
 * A draft that is left from a process that was killed in between is written over.
 *
 * @returns The file, open: closing it gives up the lock.
 */
function publish(path: string): Deno.FsFile {
  const draft = pidFileDraft(path);
  const file = Deno.openSync(draft, { write: true, create: true, mode: 0o644 });
  let mine = false;
  try {
    mine = file.tryLockSync(true);
    if (!mine) throw new Error(`another process is writing ${draft}`);
    file.truncateSync();
    file.writeSync(encoder.encode(`${Deno.pid}\n`));
    Deno.renameSync(draft, path);
    return file;
  } catch (error) {
    if (mine) discard(draft);
    file.close();
    throw error;
  }
}

function discard(draft: string): void {
  try {
    Deno.removeSync(draft);
  } catch {
    // It stays; the next start writes over it.
  }
}

/** Removes the file, unless a later process has written its own. */
function remove(path: string, file: Deno.FsFile): void {
  try {
    if (Deno.readTextFileSync(path).trim() === String(Deno.pid)) Deno.removeSync(path);
  } catch {
    // Gone already, or its directory is: the next start overwrites what may be left.
  }
  file.close();
}
