/**
 * How many copies of one scope are under way, counted in the whole process: a zone with the sum, and
 * behind it what each worker has, so that the share of one that died can be taken off.
 *
 * @module
 */

/** Copies of all workers. */
const TOTAL = 0;
const FIRST_WORKER = 1;

/** The count as one worker works with it. */
export class InFlight {
  /** Bytes of a zone for `workers` workers. */
  static bytes(workers: number): number {
    return 4 * (FIRST_WORKER + workers);
  }

  readonly #words: Int32Array;
  readonly #own: number;

  /** @param buffer Of {@linkcode InFlight.bytes}, all zero when new. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#words = new Int32Array(buffer);
    this.#own = FIRST_WORKER + worker;
  }

  /** Copies under way, of all workers. */
  get total(): number {
    return Atomics.load(this.#words, TOTAL);
  }

  /** Counts one more, unless `max` are under way. */
  tryTake(max: number): boolean {
    const words = this.#words;
    let seen = Atomics.load(words, TOTAL);
    while (seen < max) {
      const was = Atomics.compareExchange(words, TOTAL, seen, seen + 1);
      if (was === seen) {
        Atomics.add(words, this.#own, 1);
        return true;
      }
      seen = was;
    }
    return false;
  }

  /** One that this worker took is over. */
  giveBack(): void {
    Atomics.sub(this.#words, this.#own, 1);
    Atomics.sub(this.#words, TOTAL, 1);
  }

  /** Takes off what a worker that died had under way, before another one takes its index. */
  static reclaim(buffer: SharedArrayBuffer, worker: number): void {
    const words = new Int32Array(buffer);
    Atomics.sub(words, TOTAL, Atomics.exchange(words, FIRST_WORKER + worker, 0));
  }
}
