/**
 * How the keeper notices that a worker no longer runs its event loop. Each worker counts up a cell of
 * shared memory on every tick of its clock, the keeper looks on its own ticks.
 *
 * A thread in an endless loop cannot be stopped from outside, and one whose heap is full is about to take
 * the process with it; so either ends the process (`EXIT_STATUS.fault`), and whatever supervises it starts
 * it again.
 *
 * @module
 */
import { TICK_MS } from "../net/clock.ts";

/** A heart that has not beaten this long has stopped. */
export const HEART_LIMIT_MS = 10_000;

/** Ticks of the keeper, not time, so that a suspended machine wakes with its hearts beating. */
const LIMIT_TICKS = HEART_LIMIT_MS / TICK_MS;

/** Size of the shared memory for `slots` hearts. */
export function heartBytes(slots: number): number {
  return slots * Int32Array.BYTES_PER_ELEMENT;
}

/** Counts one beat of the worker in `slot`. */
export function beat(hearts: Int32Array, slot: number): void {
  Atomics.add(hearts, slot, 1);
}

/** What a worker that has filled its heap leaves in place of its beats. */
export const HEAP_FULL = -1;

/** Says that the worker in `slot` has filled its heap; it must not {@linkcode beat} after that. */
export function reportFullHeap(hearts: Int32Array, slot: number): void {
  Atomics.store(hearts, slot, HEAP_FULL);
}

/** A worker that cannot go on, and why. */
export interface FailedHeart {
  readonly slot: number;
  readonly cause: "stopped" | "heap full";
}

/** Watches the hearts of the workers that are there. */
export class HeartMonitor {
  readonly #hearts: Int32Array;
  readonly #watched = new Map<number, { seen: number; silentTicks: number }>();

  constructor(shared: SharedArrayBuffer) {
    this.#hearts = new Int32Array(shared);
  }

  /** Begins to expect beats of `slot`. */
  watch(slot: number): void {
    Atomics.store(this.#hearts, slot, 0);
    this.#watched.set(slot, { seen: 0, silentTicks: 0 });
  }

  unwatch(slot: number): void {
    this.#watched.delete(slot);
  }

  /**
   * To be called on every tick.
   *
   * @returns A worker whose heart has stopped or whose heap is full, if there is one.
   */
  tick(): FailedHeart | undefined {
    for (const [slot, heart] of this.#watched) {
      const now = Atomics.load(this.#hearts, slot);
      heart.silentTicks = now === heart.seen ? heart.silentTicks + 1 : 0;
      heart.seen = now;
      if (now === HEAP_FULL) return { slot, cause: "heap full" };
      if (heart.silentTicks >= LIMIT_TICKS) return { slot, cause: "stopped" };
    }
    return undefined;
  }
}
