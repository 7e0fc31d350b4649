/**
 * Body octets that arrived before anybody asked for them.
 *
 * @module
 */
const FIRST_BYTES = 2048;

/**
 * A queue of octets in one array. However small the frames are that fill it, it takes no more than twice
 * what waits: the bound is the stream's window.
 */
export class ReceiveBuffer {
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#start;
  }

  /** Adds `from[start, end)`. */
  put(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.#bytes.length - this.#end < count) this.#makeRoom(count);
    this.#bytes.set(from.subarray(start, end), this.#end);
    this.#end += count;
  }

  /** Moves octets to the start of `into`; returns how many. */
  take(into: Uint8Array): number {
    const count = Math.min(this.size, into.length);
    into.set(this.#bytes.subarray(this.#start, this.#start + count));
    this.#start += count;
    if (this.#start === this.#end) this.clear();
    return count;
  }

  /** Drops everything; returns how much it was. */
  clear(): number {
    const { size } = this;
    this.#bytes = NOTHING;
    this.#start = this.#end = 0;
    return size;
  }

  #makeRoom(count: number): void {
    const { size } = this;
    const needed = size + count;
    const old = this.#bytes;
    if (needed * 2 > old.length) {
      let room = Math.max(old.length * 2, FIRST_BYTES);
      while (room < needed) room *= 2;
      this.#bytes = new Uint8Array(room);
    }
    this.#bytes.set(old.subarray(this.#start, this.#end));
    this.#start = 0;
    this.#end = size;
  }
}

const NOTHING = new Uint8Array(0);
