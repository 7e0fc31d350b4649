/**
 * A number that all threads move on together: whose turn it is in a rotation that is exact over all of them.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

/** A cursor as one thread works with it. */
export class Cursor {
  readonly #words: Uint32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Uint32Array(memory);
  }

  /** The next number, from 0 on; after 2^32 of them it begins anew. */
  next(): number {
    return Atomics.add(this.#words, 0, 1);
  }
}

/** The kind `cursor`. */
export const cursor: Layout<Cursor> = {
  kind: "cursor",
  parts: "shared",
  bytes: () => 4,
  open: (memory) => new Cursor(memory),
};
