/**
 * A lock between workers, for the few steps that no single atomic operation can do. It is held for
 * some dozen instructions and never across anything that can wait or throw, so no worker can die with
 * it; a waiter sleeps in the kernel until it is its turn.
 *
 * Source: Drepper, "Futexes Are Tricky", mutex 2.
 *
 * @module
 */

/** Not held. */
const FREE = 0;
/** Held, and nobody waits for it. */
const HELD = 1;
/** Held, and somebody may wait for it. */
const CONTENDED = 2;

/** Takes the lock whose word is `words[at]`. Not reentrant. */
export function lock(words: Int32Array, at: number): void {
  let seen = Atomics.compareExchange(words, at, FREE, HELD);
  while (seen !== FREE) {
    if (seen === CONTENDED || Atomics.compareExchange(words, at, HELD, CONTENDED) !== FREE) {
      Atomics.wait(words, at, CONTENDED);
    }
    seen = Atomics.compareExchange(words, at, FREE, CONTENDED);
  }
}

/**
 * The same for a thread that must never wait for another: takes the lock unless that lasts longer than
 * `limitMs`. A worker that was ended in the midst of it, or one that was taken over, gives it back never.
 *
 * @returns Whether it is taken.
 */
export function lockWithin(words: Int32Array, at: number, limitMs: number): boolean {
  const deadline = performance.now() + limitMs;
  let seen = Atomics.compareExchange(words, at, FREE, HELD);
  while (seen !== FREE) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    if (seen === CONTENDED || Atomics.compareExchange(words, at, HELD, CONTENDED) !== FREE) {
      Atomics.wait(words, at, CONTENDED, left);
    }
    seen = Atomics.compareExchange(words, at, FREE, CONTENDED);
  }
  return true;
}

/** Gives the lock back; only its holder may. */
export function unlock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, FREE) === CONTENDED) Atomics.notify(words, at, 1);
}
