/**
 * A lock and a mark that a change under it has begun. A change that did not end, because its thread was lost or
 * found a value that cannot be, leaves the mark; the next thread under the lock then works out everything that
 * the lock guards anew before it goes on.
 *
 * @module
 */
import type { KeeperCall, ThreadSlot } from "./layout.ts";
import { freeLockOf, lock, unlock } from "./lock.ts";

/**
 * How long a thread waits for a lock, which is held for some dozen instructions. After that the memory is not in
 * order, and the next call does not wait.
 */
const LOCK_WAIT_MS = 1000;

/** The words of a lock, and how to restore what it guards. */
export interface Guarded {
  readonly words: Int32Array;
  /** Word of the lock. */
  readonly lock: number;
  /** Word that is not 0 while a change is under way. */
  readonly changing: number;
  /** Works out everything that changes under the lock from what does not; whether that could be ended. */
  workOut(): boolean;
}

/** A lock and what it guards, as one thread works with it. */
export class Guard {
  readonly #guarded: Guarded;
  readonly #index: number;
  readonly #waitUntil: () => number;
  /** The lock was not freed in time when it was last waited for. */
  #isStuck = false;

  /** @param call For the keeper. */
  constructor(guarded: Guarded, { index }: ThreadSlot, call?: KeeperCall) {
    this.#guarded = guarded;
    this.#index = index;
    this.#waitUntil = call === undefined
      ? () => this.#isStuck ? 0 : performance.now() + LOCK_WAIT_MS
      : () => call.waitUntil;
  }

  /**
   * Makes a change under the lock.
   *
   * @param lost A thread that does not run any more, whose lock is taken over.
   * @throws When another thread does not free the lock in time, and what `change` throws.
   */
  change<T>(change: () => T, lost?: number): T {
    const { words, lock, changing } = this.#guarded;
    this.#lock(lost);
    try {
      const isWhole = Atomics.load(words, changing) === 0 || this.#guarded.workOut();
      Atomics.store(words, changing, 1);
      const result = change();
      if (isWhole) Atomics.store(words, changing, 0);
      return result;
    } finally {
      unlock(words, lock, this.#index);
    }
  }

  #lock(lost: number | undefined): void {
    const { words, lock: at } = this.#guarded;
    const take = () => lock(words, at, this.#index, this.#waitUntil);
    // A lost thread may be inside for the moment that its last turn takes, so the lock is waited for first.
    const isTaken = take() || lost !== undefined && freeLockOf(words, at, lost) && take();
    this.#isStuck = !isTaken;
    if (this.#isStuck) throw new Error("a lock that is never freed");
  }
}
