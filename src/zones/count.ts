/**
 * A bounded count over all threads: connections of a listener, copies of requests under way. The memory has
 * the total and a cell for each thread, so that the share of a lost one can be taken off.
 *
 * The total and the own cell change in one run without a call or a loop between them: a thread that is ended
 * is ended before or after both.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

const TOTAL = 0;
const FIRST_THREAD = 1;

/** Attempts against other threads before the count is taken for full. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

/** A count as one thread works with it. */
export class Count {
  readonly #words: Int32Array;
  readonly #own: number;

  constructor(memory: SharedArrayBuffer, index: number) {
    this.#words = new Int32Array(memory);
    this.#own = FIRST_THREAD + index;
  }

  /** Over all threads. */
  get total(): number {
    return Atomics.load(this.#words, TOTAL);
  }

  /** Of this thread alone. */
  get own(): number {
    return Atomics.load(this.#words, this.#own);
  }

  /** Counts one more, unless there are `max`. */
  tryTake(max: number): boolean {
    const words = this.#words;
    let seen = Atomics.load(words, TOTAL);
    for (let attempt = 0; seen < max && attempt < MAX_ATTEMPTS; attempt++) {
      const was = Atomics.compareExchange(words, TOTAL, seen, seen + 1);
      if (was === seen) {
        Atomics.add(words, this.#own, 1);
        return true;
      }
      seen = was;
    }
    return false;
  }

  /** One that this thread took is over. */
  giveBack(): void {
    Atomics.sub(this.#words, this.#own, 1);
    Atomics.sub(this.#words, TOTAL, 1);
  }
}

/** The kind `count`. */
export const count: Layout<Count> = {
  kind: "count",
  parts: "shared",
  bytes: (_size, threads) => 4 * (FIRST_THREAD + threads),
  open: (memory, { index }) => new Count(memory, index),
  reclaim(memory, { index }) {
    const words = new Int32Array(memory);
    Atomics.sub(words, TOTAL, Atomics.exchange(words, FIRST_THREAD + index, 0));
  },
};
