/** Indices from the runtime's generator for secrets, a buffer at a time. @module */

const RANDOMS = 256;

/** Random numbers of one selection. */
export class Randoms {
  readonly #buffer = new Uint32Array(RANDOMS);
  #next = RANDOMS;

  /** A whole number below `n`, which is at most 2^20: the error of the remainder is below one in 4,000. */
  below(n: number): number {
    if (this.#next === RANDOMS) {
      crypto.getRandomValues(this.#buffer);
      this.#next = 0;
    }
    return this.#buffer[this.#next++] % n;
  }
}
