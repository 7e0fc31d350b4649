/**
 * Reused byte buffers. An idle connection waits with a small one; while bytes move it borrows a large
 * one, and the one given back last is the one taken next, so it is still in the processor's cache.
 *
 * @module
 */

/** Bytes a connection waits with. Most request heads fit; a longer one moves to a larger buffer. */
export const SMALL_BYTES = 1024;
/** Bytes of a buffer that heads are written to and bodies move through. */
export const LARGE_BYTES = 64 * 1024;

/** A stack of equal buffers. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];

  /**
   * @param bytes Size of each buffer.
   * @param keep Most buffers kept for reuse; more are left to the garbage collector.
   * @param slab Buffers cut from one allocation, which spares small ones their overhead.
   */
  constructor(readonly bytes: number, readonly keep: number, readonly slab = 1) {}

  take(): Uint8Array {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const slab = new Uint8Array(this.bytes * this.slab);
    for (let i = 1; i < this.slab; i++) {
      this.#free.push(slab.subarray(i * this.bytes, (i + 1) * this.bytes));
    }
    return this.slab === 1 ? slab : slab.subarray(0, this.bytes);
  }

  /** Gives a buffer back. It must not be in use by a pending read or write. */
  give(buffer: Uint8Array): void {
    if (this.#free.length < this.keep) this.#free.push(buffer);
  }
}

/** Buffers of {@linkcode SMALL_BYTES}: kept for as many connections as a worker may hold. */
export const SMALL = new BufferPool(SMALL_BYTES, 16_384, 64);
/** Buffers of {@linkcode LARGE_BYTES}: 8 MiB at most are kept. */
export const LARGE = new BufferPool(LARGE_BYTES, 128);
