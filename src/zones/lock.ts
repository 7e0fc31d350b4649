/**
 * A lock between threads, for the few steps that no single atomic operation can do. It is held for some dozen
 * instructions and never across anything that waits. The runtime ends a thread between two turns of its event
 * loop, so no thread is ended while it holds one. A waiter sleeps in the kernel.
 *
 * Source: Drepper, "Futexes Are Tricky", mutex 2.
 *
 * @module
 */

/** Not held. */
const FREE = 0;
/** Held, and no thread waits for it. */
const HELD = 1;
/** Held, and a thread may wait for it. */
const CONTENDED = 2;

/**
 * Takes the lock whose word is `words[at]`, unless that lasts until after `until`, on the clock of
 * `performance.now()`: a thread that was taken over may never free it. Not reentrant.
 *
 * @returns Whether it is taken.
 */
export function lock(words: Int32Array, at: number, until: () => number): boolean {
  let seen = Atomics.compareExchange(words, at, FREE, HELD);
  if (seen === FREE) return true;
  const deadline = until();
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
