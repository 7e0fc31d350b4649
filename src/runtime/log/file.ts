/**
 * `logging.file` (spec 06 section D1): opened without following links, opened again when something else has
 * put it aside, and put aside by itself when it is large. The path rules of spec 01 section 1.4 were checked
 * when the configuration was loaded; this holds them while the file is opened.
 *
 * @module
 */
import type { LogFile, LogFileConfig } from "./record_types.ts";

/** What the file system has of one log file. */
interface Opened {
  readonly file: Deno.FsFile;
  /** Whether what is in it ends in the middle of a line. */
  readonly endsMidLine: boolean;
}

const LF = 10;
const LINE_END = new Uint8Array([LF]);

/**
 * Opens or creates the log file, never through a symbolic link. The runtime has no no-follow flag, so
 * the entry in the directory is compared with what was opened, before anything in it is changed.
 *
 * @param onFailure Gets a line when the file could not be put aside or opened again; it is then gone on with.
 * @throws When the path is not a regular file or cannot be written.
 */
export function openLogFile(
  config: LogFileConfig,
  onFailure: (what: string) => void = () => {},
): LogFile {
  const first = open(config.path, config.append);
  return new OwnedFile(config, first, onFailure);
}

class OwnedFile implements LogFile {
  readonly endsMidLine: boolean;
  readonly #config: LogFileConfig;
  readonly #onFailure: (what: string) => void;
  #file: Deno.FsFile;
  /** What was written last ended a line: only between lines is another file gone on with. */
  #isBetweenLines: boolean;
  #wantsReopening = false;
  /** Putting the file aside has failed, and is not tried again before it is opened anew. */
  #isStuck = false;

  constructor(config: LogFileConfig, first: Opened, onFailure: (what: string) => void) {
    this.#config = config;
    this.#onFailure = onFailure;
    this.#file = first.file;
    this.endsMidLine = first.endsMidLine;
    this.#isBetweenLines = !first.endsMidLine;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isBetweenLines) this.#turnOver(bytes.length);
    const count = await this.#file.write(bytes);
    if (count > 0) this.#isBetweenLines = bytes[count - 1] === LF;
    return count;
  }

  size(): Promise<number> {
    // To look at the file takes the permission to read it; this does not.
    return this.#file.seek(0, Deno.SeekMode.End);
  }

  reopen(): void {
    this.#wantsReopening = true;
    if (this.#isBetweenLines) this.#turnOver(0);
  }

  close(): void {
    this.#file.close();
  }

  /** Goes on with another file, where that is asked for or this one is large enough. */
  #turnOver(moreBytes: number): void {
    if (this.#wantsReopening) {
      this.#wantsReopening = false;
      return this.#replace("opened again");
    }
    const { max_bytes } = this.#config;
    if (max_bytes === undefined || this.#isStuck) return;
    const size = this.#file.seekSync(0, Deno.SeekMode.End);
    if (size === 0 || size + moreBytes <= max_bytes) return;
    try {
      putAside(this.#config);
    } catch (error) {
      return this.#report("put aside", error);
    }
    this.#replace("begun anew");
  }

  /** The new one is opened before the old one is closed: one of them is always there. */
  #replace(what: string): void {
    try {
      const { file, endsMidLine } = open(this.#config.path, true);
      if (endsMidLine) file.writeSync(LINE_END);
      this.#file.close();
      this.#file = file;
      this.#isStuck = false;
    } catch (error) {
      this.#report(what, error);
    }
  }

  #report(what: string, error: unknown): void {
    this.#isStuck = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#onFailure(`the log file ${this.#config.path} could not be ${what}: ${reason}`);
  }
}

/** `path` becomes `path.1`, which becomes `path.2`; the last one is replaced. */
function putAside({ path, max_files }: LogFileConfig): void {
  for (let number = max_files - 1; number >= 1; number--) {
    try {
      Deno.renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  Deno.renameSync(path, `${path}.1`);
}

/** @throws When the path is not a regular file or cannot be written. */
function open(path: string, append: boolean): Opened {
  const file = Deno.openSync(path, { create: true, append: true });
  try {
    const opened = file.statSync();
    const entry = Deno.lstatSync(path);
    if (entry.isSymlink || entry.ino !== opened.ino || entry.dev !== opened.dev) {
      throw new Error(`${path} is a symbolic link; log files are not opened through links`);
    }
    if (!opened.isFile) throw new Error(`${path} is not a regular file`);
    if (!append) file.truncateSync(0);
    return { file, endsMidLine: append && opened.size > 0 && !endsWithLine(path, opened.size) };
  } catch (error) {
    file.close();
    throw error;
  }
}

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
