/**
 * Reading on a connection before its other side is known: a client's first bytes are kept, its end is
 * remembered, and its leaving is noticed, while an upstream is dialled.
 *
 * @module
 */
import { type Duplex, resetOf } from "./duplex.ts";

/** Most bytes that are read before there is a use for them. */
const MAX_AHEAD_BYTES = 1024;

const NOTHING = new Uint8Array(0);

/** `inner`, with what was read of it before given to the first reads. */
export class ReadAhead implements Duplex {
  readonly #inner: Duplex;
  /** Read and not given on. */
  #kept: Uint8Array;
  /** Under way; settles when the read has been put into `#kept`, `#ended` or `#failure`. */
  #pending: Promise<void> | undefined;
  #ended = false;
  #failure: unknown;
  #hasFailed = false;
  #isAhead = true;

  /** @param first Read already; the stream's to keep. */
  constructor(inner: Duplex, first: Uint8Array = NOTHING) {
    this.#inner = inner;
    this.#kept = first;
  }

  /**
   * Reads ahead until the first read by an owner, an end, or as many bytes as are kept.
   *
   * @param onFailure Called when the connection fails meanwhile: the peer has reset it.
   */
  watch(onFailure: () => void): void {
    this.#pending = this.#readOn(onFailure);
  }

  read(into: Uint8Array): Promise<number | null> {
    this.#isAhead = false;
    if (this.#isPlain) return this.#inner.read(into);
    return this.#readKept(into);
  }

  /** Nothing of what was read ahead is left: from here on it is as the stream below. */
  get #isPlain(): boolean {
    return this.#pending === undefined && this.#kept.length === 0 && !this.#ended &&
      !this.#hasFailed;
  }

  async #readKept(into: Uint8Array): Promise<number | null> {
    if (this.#kept.length === 0) await this.#pending;
    if (this.#kept.length > 0) return this.#take(into);
    if (this.#hasFailed) throw this.#failure;
    return this.#ended ? null : await this.#inner.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  setKeepAlive(on: boolean): void {
    this.#inner.setKeepAlive?.(on);
  }

  close(): void {
    this.#inner.close();
  }

  get reset(): (() => void) | undefined {
    return resetOf(this.#inner);
  }

  #take(into: Uint8Array): number {
    const count = Math.min(this.#kept.length, into.length);
    into.set(this.#kept.subarray(0, count));
    this.#kept = count < this.#kept.length ? this.#kept.subarray(count) : NOTHING;
    return count;
  }

  async #readOn(onFailure: () => void): Promise<void> {
    try {
      while (this.#isAhead && this.#kept.length < MAX_AHEAD_BYTES) {
        const room = new Uint8Array(MAX_AHEAD_BYTES - this.#kept.length);
        const count = await this.#inner.read(room);
        if (count === null) {
          this.#ended = true;
          break;
        }
        this.#kept = joined(this.#kept, room.subarray(0, count));
      }
    } catch (error) {
      this.#failure = error;
      this.#hasFailed = true;
      if (this.#isAhead) onFailure();
    }
    this.#pending = undefined;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
