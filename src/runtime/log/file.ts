/**
 * Opens `logging.file` (spec 06 section D1). The path rules of spec 01 section 1.4 were checked when the
 * configuration was loaded; this holds them while the file is opened.
 *
 * @module
 */
import type { LogFile, LogFileConfig } from "./record_types.ts";

/**
 * Opens or creates the log file, never through a symbolic link. The runtime has no no-follow flag, so
 * the entry in the directory is compared with what was opened, before anything in it is changed.
 *
 * @throws When the path is not a regular file or cannot be written.
 */
export function openLogFile({ path, append }: LogFileConfig): LogFile {
  const file = Deno.openSync(path, { create: true, append: true });
  try {
    const opened = file.statSync();
    const entry = Deno.lstatSync(path);
    if (entry.isSymlink || entry.ino !== opened.ino || entry.dev !== opened.dev) {
      throw new Error(`${path} is a symbolic link; log files are not opened through links`);
    }
    if (!opened.isFile) throw new Error(`${path} is not a regular file`);
    if (!append) file.truncateSync(0);
    return {
      endsMidLine: append && opened.size > 0 && !endsWithLine(path, opened.size),
      write: (bytes) => file.write(bytes),
      // To look at the file takes the permission to read it, which is given up once it is open.
      size: () => file.seek(0, Deno.SeekMode.End),
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

const LF = 10;

/**
 * Whether the last of a file's `size` bytes ends a line. It does not where a full disk has cut the last
 * record of an earlier process. A log that its writer may not read is taken to be whole.
 */
function endsWithLine(path: string, size: number): boolean {
  const last = new Uint8Array(1);
  try {
    using file = Deno.openSync(path, { read: true });
    file.seekSync(size - 1, Deno.SeekMode.Start);
    return file.readSync(last) !== 1 || last[0] === LF;
  } catch {
    return true;
  }
}
