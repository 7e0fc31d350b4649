/**
 * A lock between threads, for the few steps that no single atomic operation can do. It is held for some dozen
 * instructions and never across anything that waits. A waiter sleeps in the kernel.
 *
 * The word names the holder. A lost thread that holds the lock cannot free it; the keeper does, when it
 * reclaims what the thread held ({@linkcode freeLockOf}). What the lock guards may be half-changed then, and
 * its next holder must put that in order (`guard.ts`).
 *
 * Source: Drepper, "Futexes Are Tricky", mutex 2.
 *
 * @module
 */
const FREE = 0;
/** Set while a thread may wait for the lock. */
const CONTENDED = 1 << 30;
/** What the word holds for the first index, the keeper's -1, so that no holder is {@linkcode FREE}. */
const FIRST_HOLDER = 2;

/** The word of a lock that thread `index` holds. */
function heldBy(index: number): number {
  return index + FIRST_HOLDER;
}

/**
 * Takes the lock whose word is `words[at]`, unless that lasts until after `until`, on the clock of
 * `performance.now()`: a thread that was taken over may never free it. Not reentrant.
 *
 * @param index Of the thread that calls.
 * @returns Whether it is taken.
 */
export function lock(words: Int32Array, at: number, index: number, until: () => number): boolean {
  const own = heldBy(index);
  let seen = Atomics.compareExchange(words, at, FREE, own);
  if (seen === FREE) return true;
  const deadline = until();
  while (seen !== FREE) {
    // Left over from an error or from an earlier life of this index: two threads never share one.
    if ((seen & ~CONTENDED) === own) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    const contended = seen | CONTENDED;
    if (seen === contended || Atomics.compareExchange(words, at, seen, contended) === seen) {
      Atomics.wait(words, at, contended, left);
    }
    seen = Atomics.compareExchange(words, at, FREE, own | CONTENDED);
  }
  return true;
}

/** Gives the lock back. A thread that does not hold it, or no longer, changes nothing. */
export function unlock(words: Int32Array, at: number, index: number): void {
  const own = heldBy(index);
  if (Atomics.compareExchange(words, at, own, FREE) === own) return;
  const contended = own | CONTENDED;
  if (Atomics.compareExchange(words, at, contended, FREE) === contended) {
    Atomics.notify(words, at, 1);
  }
}

/**
 * Frees the lock if the thread `lost` holds it. A thread whose last turn is not over may be inside for a moment
 * more, so the caller waits for the lock first.
 *
 * @returns Whether it was freed.
 */
export function freeLockOf(words: Int32Array, at: number, lost: number): boolean {
  if ((Atomics.load(words, at) & ~CONTENDED) !== heldBy(lost)) return false;
  unlock(words, at, lost);
  return true;
}
