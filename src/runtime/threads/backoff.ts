/**
 * How long to wait before a thread that died is replaced: one that had settled is replaced at once, one
 * that dies again and again after longer and longer pauses.
 *
 * @module
 */

/** A thread that dies sooner than this after its start is replaced only after a pause. */
const SETTLED_MS = 10_000;
/** The first pause; it doubles with each death in a row. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** The deaths in a row of one seat. */
export class Backoff {
  readonly #pace: number;
  #startedAt = 0;
  #deaths = 0;

  /** @param pace How fast the clock runs by which a thread settles (`pace.ts`). */
  constructor(pace = 1) {
    this.#pace = pace;
  }

  /** A thread has taken the seat. */
  started(): void {
    this.#startedAt = performance.now();
  }

  /** Milliseconds to wait now that the thread has died. */
  afterDeath(): number {
    const settled = (performance.now() - this.#startedAt) * this.#pace >= SETTLED_MS;
    this.#deaths = settled ? 0 : this.#deaths + 1;
    return this.#pause();
  }

  /** The same when one could not be started in its place. */
  afterFailure(): number {
    this.#deaths++;
    return this.#pause();
  }

  #pause(): number {
    if (this.#deaths === 0) return 0;
    return Math.min(FIRST_PAUSE_MS * 2 ** (this.#deaths - 1), LONGEST_PAUSE_MS);
  }
}
