/**
 * How the keeper notices that a worker no longer runs its event loop. Each worker counts up a cell of
 * shared memory on every tick of its clock, the keeper looks on its own ticks.
 *
 * A thread in an endless loop cannot be stopped from outside, so a stopped heart ends the process
 * (`EXIT_STATUS.heart`), and whatever supervises it starts it again.
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

/** Watches the hearts of the workers that are there. */
export class HeartMonitor {
  readonly #hearts: Int32Array;
  readonly #watched = new Map<number, { seen: number; silentTicks: number }>();

  constructor(shared: SharedArrayBuffer) {
    this.#hearts = new Int32Array(shared);
  }

  /** Begins to expect beats of `slot`. */
  watch(slot: number): void {
    this.#watched.set(slot, { seen: Atomics.load(this.#hearts, slot), silentTicks: 0 });
  }

  unwatch(slot: number): void {
    this.#watched.delete(slot);
  }

  /**
   * To be called on every tick.
   *
   * @returns The slot of a worker whose heart has stopped, if there is one.
   */
  tick(): number | undefined {
    for (const [slot, heart] of this.#watched) {
      const now = Atomics.load(this.#hearts, slot);
      heart.silentTicks = now === heart.seen ? heart.silentTicks + 1 : 0;
      heart.seen = now;
      if (heart.silentTicks >= LIMIT_TICKS) return slot;
    }
    return undefined;
  }
}
