/**
 * Opens `logging.file` (spec 06 section D1). The path rules of spec 01 section 1.4 were checked when the
 * configuration was loaded; this holds them while the file is opened.
 *
 * @module
 */
import type { LogFileConfig } from "./record_types.ts";

/**
 * Opens or creates the log file, never through a symbolic link. The runtime has no no-follow flag, so
 * the entry in the directory is compared with what was opened, before anything in it is changed.
 *
 * @throws When the path is not a regular file or cannot be written.
 */
export function openLogFile({ path, append }: LogFileConfig): Deno.FsFile {
  const file = Deno.openSync(path, { create: true, append: true });
  try {
    const opened = file.statSync();
    const entry = Deno.lstatSync(path);
    if (entry.isSymlink || entry.ino !== opened.ino || entry.dev !== opened.dev) {
      throw new Error(`${path} is a symbolic link; log files are not opened through links`);
    }
    if (!opened.isFile) throw new Error(`${path} is not a regular file`);
    if (!append) file.truncateSync(0);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
