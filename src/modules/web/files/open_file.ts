/**
 * Opens a file that was located below a root, and knows that it is that one.
 *
 * @module
 */
import fs from "node:fs";
import { isAbsence, isSame, type Place } from "./lookup.ts";
import { isUnmoved } from "./unmoved.ts";

/** An open regular file. Its holder closes it. */
export class OpenFile {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Last change of its content: milliseconds since 1970. */
  readonly modifiedMs: number;
  #fd: number;

  constructor(fd: number, stats: fs.Stats) {
    this.#fd = fd;
    this.size = stats.size;
    this.modifiedMs = stats.mtimeMs;
  }

  /**
   * Reads at `position` into `into`.
   *
   * @returns How many bytes; 0 at the end of the file.
   */
  read(into: Uint8Array, length: number, position: number): number {
    return fs.readSync(this.#fd, into, 0, length, position);
  }

  /** Whether its content is still what it was when it was opened, as far as size and time show. */
  isUnchanged(): boolean {
    const stats = fs.fstatSync(this.#fd);
    return stats.size === this.size && stats.mtimeMs === this.modifiedMs;
  }

  /** Whether it is longer than when it was opened. */
  hasGrown(): boolean {
    return fs.fstatSync(this.#fd).size > this.size;
  }

  /** Closes it; further calls do nothing. */
  close(): void {
    if (this.#fd < 0) return;
    fs.closeSync(this.#fd);
    this.#fd = -1;
  }
}

/**
 * Not to wait for a writer, should a pipe have taken the file's place. There is no point in adding
 * `O_NOFOLLOW`: under a scoped read permission the runtime resolves links before it opens.
 */
const FLAGS = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/**
 * Opens `place`.
 *
 * @returns `undefined` when something on the way was changed in between: locate it again.
 * @throws What the system says: no right to read, too many open files.
 */
export function openFile(place: Place): OpenFile | undefined {
  let fd: number;
  try {
    fd = fs.openSync(place.path, FLAGS);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  try {
    const stats = fs.fstatSync(fd);
    if (
      stats.isFile() && isSame(stats, place.info) && stats.size === place.info.size &&
      isUnmoved(place.above, [place], place)
    ) {
      const file = new OpenFile(fd, stats);
      fd = -1;
      return file;
    }
    return undefined;
  } finally {
    if (fd >= 0) fs.closeSync(fd);
  }
}
