/**
 * A file, or a part of it, as the body of an answer.
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import type { Held } from "../../../gateway/exchange/exchange.ts";
import type { OpenFile } from "./open_file.ts";

/**
 * Most bytes of one read. Reads are synchronous, because on cached files that is 8 to 20 times faster
 * than asking for them; a piece bounds how long one disk read can keep the worker.
 */
const PIECE_BYTES = 256 * 1024;

/** Bytes at either end of a part that distinguish an appended file from a rewritten one. */
const PROBE_BYTES = 512;

/**
 * Reads `length` bytes of an open file from `first`, and closes it at the end, on failure or when
 * cancelled. A file that becomes shorter, or turns out to have changed when the last bytes are about to
 * be handed over, ends the body with a {@linkcode BodyError}: a broken transfer rather than a mixture.
 *
 * A file that only became longer, as logs do, has not changed in what was announced of it: the body ends
 * there as it should. That both ends of the part are what they were has to do as proof.
 */
export class FileBody implements Body, Held {
  readonly trailers = undefined;
  #file: OpenFile | undefined;
  #position: number;
  #left: number;
  /** The first and the last bytes of the part, as they were when reading began. */
  #head: Uint8Array | undefined = undefined;
  #tail: Uint8Array | undefined = undefined;
  readonly #first: number;
  readonly #grown: (() => void) | undefined;

  /** @param grown Called when the body ends well although the file became longer meanwhile. */
  constructor(file: OpenFile, first: number, readonly length: number, grown?: () => void) {
    this.#file = file;
    this.#first = first;
    this.#grown = grown;
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
      if (this.#head === undefined) this.#probe(file);
      this.#position += count;
      if (count === this.#left && !file.isUnchanged()) {
        if (!this.#isOnlyLonger(file)) {
          throw new BodyError(500, "the file changed while it was sent");
        }
        this.#grown?.();
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

  #probe(file: OpenFile): void {
    this.#head = this.#bytesAt(file, this.#first);
    this.#tail = this.#bytesAt(file, this.#first + this.length - this.#probeBytes);
  }

  get #probeBytes(): number {
    return Math.min(PROBE_BYTES, this.length);
  }

  #bytesAt(file: OpenFile, position: number): Uint8Array {
    const bytes = new Uint8Array(this.#probeBytes);
    return bytes.subarray(0, file.read(bytes, bytes.length, position));
  }

  #isOnlyLonger(file: OpenFile): boolean {
    return file.hasGrown() &&
      isEqual(this.#head, this.#bytesAt(file, this.#first)) &&
      isEqual(
        this.#tail,
        this.#bytesAt(file, this.#first + this.length - this.#probeBytes),
      );
  }

  cancel(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** The exchange is over; closes the file in case the body was neither read nor cancelled. */
  release(): void {
    this.cancel();
  }
}

function isEqual(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
