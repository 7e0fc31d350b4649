/**
 * A small body that is compressed at once: taking it whole and compressing it costs less than a stream
 * and another thread do.
 *
 * @module
 */
import { type Body, BodyError, BytesBody } from "../../http/body.ts";
import type { Fields } from "../../http/fields.ts";
import { tooMuch } from "./too_much.ts";

/** Bodies up to this size are small: a fast codec takes some tenths of a millisecond for them. */
export const SMALL_BYTES = 16 * 1024;

/** Reads `inner`, a body of known length, to its end and then is what `compress` makes of it. */
export class SmallBody implements Body {
  readonly length = undefined;
  readonly #inner: Body;
  readonly #inputBytes: number;
  /** One byte more than there should be: the read that finds the end needs room too. */
  readonly #bytes: Uint8Array;
  readonly #compress: (bytes: Uint8Array) => Uint8Array;
  readonly #maxBytes: number;
  #size = 0;
  /** A read of `inner` that was begun and has not been waited for. */
  #reading: Promise<number | null> | undefined = undefined;
  #result: BytesBody | undefined = undefined;

  /**
   * @param inputBytes Length of `inner`, at most {@linkcode SMALL_BYTES}.
   * @param compress What to make of it.
   * @param maxBytes Most bytes of the result.
   */
  constructor(
    inner: Body,
    inputBytes: number,
    compress: (bytes: Uint8Array) => Uint8Array,
    maxBytes: number,
  ) {
    this.#inner = inner;
    this.#inputBytes = inputBytes;
    this.#bytes = new Uint8Array(inputBytes + 1);
    this.#compress = compress;
    this.#maxBytes = maxBytes;
  }

  get trailers(): Fields | undefined {
    return this.#inner.trailers;
  }

  /**
   * The compressed bytes when all of `inner` is available already, as with most small answers of an
   * upstream; then there is no need to read this. `undefined` when it has to be waited for. Whether
   * they are too many is the caller's question.
   */
  atOnce(): Uint8Array | undefined {
    for (;;) {
      const count = this.#inner.read(this.#bytes.subarray(this.#size));
      if (typeof count === "object" && count !== null) {
        this.#reading = count;
        // The reader of this body gets it; until then it must not count as unhandled.
        count.catch(() => {});
        return undefined;
      }
      if (this.#isEnd(count)) return this.#compressed();
    }
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    return this.#result === undefined ? this.#collect(into) : this.#result.read(into);
  }

  cancel(): void {
    if (this.#result === undefined) this.#inner.cancel();
    else this.#result.cancel();
  }

  async #collect(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const reading = this.#reading ?? this.#inner.read(this.#bytes.subarray(this.#size));
      this.#reading = undefined;
      if (this.#isEnd(await reading)) break;
    }
    const bytes = this.#compressed();
    if (bytes.length > this.#maxBytes) throw tooMuch();
    this.#result = new BytesBody(bytes);
    return this.#result.read(into);
  }

  /** Counts what was read; returns whether that was the end. */
  #isEnd(count: number | null): boolean {
    if (count !== null) this.#size += count;
    if (count === null ? this.#size < this.#inputBytes : this.#size > this.#inputBytes) {
      this.#inner.cancel();
      throw new BodyError(502, "the body is not as long as it was said to be");
    }
    return count === null;
  }

  #compressed(): Uint8Array {
    return this.#compress(this.#bytes.subarray(0, this.#inputBytes));
  }
}
