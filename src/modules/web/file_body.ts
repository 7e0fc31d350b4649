/**
 * A file, or a part of it, as the body of an answer.
 *
 * @module
 */
import { type Body, BodyError } from "../../http/body.ts";
import type { Held } from "../../gateway/exchange.ts";
import type { OpenFile } from "./open_file.ts";

/**
 * Most bytes of one read. Reads are synchronous, because on cached files that is 8 to 20 times faster
 * than asking for them; a piece bounds how long one disk read can keep the worker.
 */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads `length` bytes of an open file from `first`, and closes it at the end, on failure or when
 * cancelled. A file that becomes shorter, or turns out to have changed when the last bytes are about to
 * be handed over, ends the body with a {@linkcode BodyError}: a broken transfer rather than a mixture.
 */
export class FileBody implements Body, Held {
  readonly trailers = undefined;
  #file: OpenFile | undefined;
  #position: number;
  #left: number;

  constructor(file: OpenFile, first: number, readonly length: number) {
    this.#file = file;
    this.#position = first;
    this.#left = length;
    if (length === 0) this.cancel();
  }

  read(into: Uint8Array): number | null {
    if (this.#left === 0) return null;
    const file = this.#file;
    if (file === undefined) throw new BodyError(500, "the file was closed before its end");
    try {
      const count = file.read(into, Math.min(into.length, this.#left, PIECE_BYTES), this.#position);
      if (count === 0) throw new BodyError(500, "the file became shorter while it was sent");
      this.#position += count;
      if (count === this.#left && !file.isUnchanged()) {
        throw new BodyError(500, "the file changed while it was sent");
      }
      this.#left -= count;
      if (this.#left === 0) this.cancel();
      return count;
    } catch (error) {
      this.cancel();
      if (error instanceof BodyError) throw error;
      throw new BodyError(500, `the file could not be read: ${String(error)}`);
    }
  }

  cancel(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** The exchange is over; closes the file in case nobody read or cancelled the body. */
  release(): void {
    this.cancel();
  }
}
