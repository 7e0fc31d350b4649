/**
 * Files that bodies wait in (spec 07 section 10). A file has no name by the time that anything is written to
 * it, so nothing of it is left behind, whatever ends the request or the process.
 *
 * @module
 */
import fs from "node:fs";

/** Attempts to find a name that is free. */
const MAX_NAMES = 16;

const MODE = 0o600;
const OTHERS_WRITE = 0o022;

/** A file without a name. Its holder closes it. */
export class SpoolFile {
  #fd: number;
  #size = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Makes one in `directory`.
   *
   * @throws What the system says, or that the directory is not safe.
   */
  static in(directory: string): SpoolFile {
    const info = fs.lstatSync(directory);
    if (!info.isDirectory() || (info.mode & OTHERS_WRITE) !== 0) {
      throw new Error(`${directory} is not a directory that only its owner may write to`);
    }
    for (let attempt = 1;; attempt++) {
      const random = crypto.getRandomValues(new BigUint64Array(1))[0].toString(16).padStart(
        16,
        "0",
      );
      const path = `${directory}/.fluxheim-php-body-${Deno.pid}-${attempt}-${random}.tmp`;
      try {
        // `wx` fails where anything has the name, a symbolic link as well.
        const fd = fs.openSync(path, "wx+", MODE);
        fs.unlinkSync(path);
        return new SpoolFile(fd);
      } catch (error) {
        const isTaken = error instanceof Error && "code" in error && error.code === "EEXIST";
        if (!isTaken || attempt === MAX_NAMES) throw error;
      }
    }
  }

  /** Bytes in it. */
  get size(): number {
    return this.#size;
  }

  /** Adds `bytes` at its end. */
  append(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length;) {
      written += fs.writeSync(
        this.#fd,
        bytes,
        written,
        bytes.length - written,
        this.#size + written,
      );
    }
    this.#size += bytes.length;
  }

  /** Reads at `position`; returns how many bytes, 0 at the end. */
  read(into: Uint8Array, position: number): number {
    return fs.readSync(this.#fd, into, 0, into.length, position);
  }

  /** Closes it; further calls do nothing. */
  close(): void {
    if (this.#fd < 0) return;
    fs.closeSync(this.#fd);
    this.#fd = -1;
  }
}
