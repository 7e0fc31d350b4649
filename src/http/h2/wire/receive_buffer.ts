/**
 * Body octets that arrived before they were asked for.
 *
 * @module
 */
import { LARGE, LARGE_BYTES, SMALL, SMALL_BYTES } from "../../../net/buffers.ts";
import { copyBytes } from "./copy.ts";

/**
 * A queue of octets in one pooled buffer: a small one, or a large one that holds a whole window. However
 * small the frames are that fill it, it takes no more than that.
 */
export class ReceiveBuffer {
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#start;
  }

  /** Adds `from[start, end)`; no more than {@linkcode LARGE_BYTES} may wait in all. */
  put(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.#bytes.length - this.#end < count) this.#makeRoom(count);
    copyBytes(from, start, count, this.#bytes, this.#end);
    this.#end += count;
  }

  /** Moves octets to the start of `into`; returns how many. */
  take(into: Uint8Array): number {
    const count = Math.min(this.size, into.length);
    copyBytes(this.#bytes, this.#start, count, into, 0);
    this.#start += count;
    if (this.#start === this.#end) this.clear();
    return count;
  }

  /** Drops everything; returns how much it was. */
  clear(): number {
    const { size } = this;
    giveBack(this.#bytes);
    this.#bytes = NOTHING;
    this.#start = this.#end = 0;
    return size;
  }

  #makeRoom(count: number): void {
    const { size } = this;
    const old = this.#bytes;
    const waiting = old.subarray(this.#start, this.#end);
    if (size + count <= old.length) {
      old.set(waiting);
    } else {
      this.#bytes = size + count <= SMALL_BYTES ? SMALL.take() : LARGE.take();
      this.#bytes.set(waiting);
      giveBack(old);
    }
    this.#start = 0;
    this.#end = size;
  }
}

const NOTHING = new Uint8Array(0);

function giveBack(buffer: Uint8Array): void {
  if (buffer.length === SMALL_BYTES) SMALL.give(buffer);
  else if (buffer.length === LARGE_BYTES) LARGE.give(buffer);
}
