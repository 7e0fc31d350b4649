/**
 * How the keeper notices that a worker no longer runs its event loop. Each worker counts up its heartbeat on
 * every tick of its clock, the keeper looks on its own ticks.
 *
 * A thread in an endless loop cannot be stopped from outside, and one whose heap is full is about to take
 * the process with it; so either ends the process (`EXIT_STATUS.fault`), and whatever supervises it starts
 * it again.
 *
 * @module
 */
import { TICK_MS } from "../../net/clock.ts";
import type { Heartbeat } from "../../zones/heartbeat.ts";

/** A heartbeat that has not changed for this long has stopped. */
export const HEARTBEAT_LIMIT_MS = 10_000;

/** Ticks of the keeper, not time, so that a suspended machine wakes with its heartbeats going on. */
const LIMIT_TICKS = HEARTBEAT_LIMIT_MS / TICK_MS;

/** A thread that cannot go on, and why. */
export interface FailedHeartbeat<Slot = number> {
  readonly slot: Slot;
  readonly cause: "stopped" | "heap full";
}

/** A heartbeat that is expected to go on. */
interface Watched {
  readonly heartbeat: Heartbeat;
  seen: number;
  silentTicks: number;
}

/**
 * Watches the heartbeats of the threads that are there, each in memory of its own.
 *
 * @typeParam Slot Names a thread: the index of an edge worker, the role of a service.
 */
export class HeartbeatMonitor<Slot = number> {
  readonly #watched = new Map<Slot, Watched>();

  /** Begins to expect beats of the thread in `slot`. */
  watch(slot: Slot, heartbeat: Heartbeat): void {
    this.#watched.set(slot, { heartbeat, seen: 0, silentTicks: 0 });
  }

  unwatch(slot: Slot): void {
    this.#watched.delete(slot);
  }

  /**
   * To be called on every tick.
   *
   * @returns A thread whose heartbeat has stopped or whose heap is full, if there is one.
   */
  tick(): FailedHeartbeat<Slot> | undefined {
    for (const [slot, watched] of this.#watched) {
      const now = watched.heartbeat.beats;
      if (now === "heap full") return { slot, cause: now };
      watched.silentTicks = now === watched.seen ? watched.silentTicks + 1 : 0;
      watched.seen = now;
      if (watched.silentTicks >= LIMIT_TICKS) return { slot, cause: "stopped" };
    }
    return undefined;
  }
}
