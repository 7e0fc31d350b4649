/**
 * How much memory the compression streams of one worker may take together. Clients that read slowly
 * keep theirs for long; past the bound, answers go out as they are.
 *
 * @module
 */

/** Most bytes of all streams of a worker, as their codecs estimate them. */
export const MAX_STATE_BYTES = 256 * 1024 * 1024;

/** Counts what streams take. */
export class StateBudget {
  #used = 0;
  readonly #maxBytes: number;

  constructor(maxBytes = MAX_STATE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes taken now. */
  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` if there is room for them. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}
