/**
 * Memory of one worker for what PHP has collected: bodies that wait in memory, and answers that their clients
 * are slow to take. What it does not allow waits in a file, keeps its place with php-fpm, or is refused.
 *
 * @module
 */

/** Most bytes of all bodies and answers in a worker. */
const MAX_BYTES = 256 * 1024 * 1024;

/** The bytes of one worker. */
export class MemoryBudget {
  #taken = 0;

  constructor(readonly maxBytes: number = MAX_BYTES) {}

  /** Takes `bytes`, unless they are too many; returns whether it did. */
  tryTake(bytes: number): boolean {
    if (this.#taken + bytes > this.maxBytes) return false;
    this.#taken += bytes;
    return true;
  }

  /** Gives as many back. */
  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
