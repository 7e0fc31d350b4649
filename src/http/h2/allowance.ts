/**
 * What a peer may do that costs work and brings nothing: a number of tokens that grows back with time.
 *
 * @module
 */

/** A token bucket on the worker's coarse clock. */
export class Allowance {
  #tokens: number;
  #filledAt: number;

  /**
   * @param burst Most tokens there can be, and how many there are at first.
   * @param perSecond How many grow back.
   * @param now `Clock.now`, in milliseconds.
   */
  constructor(readonly burst: number, readonly perSecond: number, now: number) {
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** Takes tokens; `false` when there were too few. */
  take(now: number, count = 1): boolean {
    if (now > this.#filledAt) {
      this.grant((now - this.#filledAt) * this.perSecond / 1000);
      this.#filledAt = now;
    }
    this.#tokens -= count;
    return this.#tokens >= 0;
  }

  /** Gives tokens back: the peer did something useful. */
  grant(count: number): void {
    const tokens = this.#tokens + count;
    this.#tokens = tokens < this.burst ? tokens : this.burst;
  }
}
