/**
 * One monotonic clock for all workers of a process. Each worker's `performance.now()` counts from its
 * own start, and the wall clock that could relate them may be set at any time. So the latest time that any
 * thread has seen is in shared memory, and a thread whose own clock is behind it sets that forward: within
 * moments all follow the one that is furthest ahead.
 *
 * @module
 */
import type { Layout } from "./layout.ts";

/** How far the zone may be behind before it is written: most requests only read it. */
const LAG_NS = 1e5;

/** By how much two workers that ask for the time at one moment may differ. */
export const MAX_SKEW_NS = 5e5;

/** Attempts against other threads to set the time forward. Each one that fails is another's success. */
const MAX_ATTEMPTS = 100;

/** Nanoseconds since the zone was made, the same in every worker to {@linkcode MAX_SKEW_NS}. */
export class SharedTime {
  /** Bytes of its zone. */
  static readonly BYTES = 8;

  /** The latest time that any thread has left. */
  readonly #latest: BigInt64Array;
  readonly #local: () => number;
  /** What to add to this worker's own clock, in nanoseconds. */
  #offset: number;

  /**
   * @param buffer A zone of {@linkcode SharedTime.BYTES} bytes, all zero when new.
   * @param local This worker's own clock, in milliseconds.
   */
  constructor(buffer: SharedArrayBuffer, local = () => performance.now()) {
    this.#latest = new BigInt64Array(buffer);
    this.#local = local;
    const latest = Atomics.load(this.#latest, 0);
    this.#offset = Number(latest) - local() * 1e6;
  }

  /** The time, a whole number. To be called every second or so, so that workers that start later know it. */
  now(): number {
    // In this order: a worker that is preempted between the two must not take its old time for a late one.
    let seen = Atomics.load(this.#latest, 0);
    const now = Math.floor(this.#local() * 1e6 + this.#offset);
    const latest = Number(seen);
    if (now < latest) {
      this.#offset += latest - now;
      return latest;
    }
    if (now > latest + LAG_NS) {
      const mine = BigInt(now);
      for (let attempt = 0; seen < mine && attempt < MAX_ATTEMPTS; attempt++) {
        const was = Atomics.compareExchange(this.#latest, 0, seen, mine);
        if (was === seen) break;
        seen = was;
      }
    }
    return now;
  }
}

/** The kind `time`. */
export const sharedTime: Layout<SharedTime> = {
  kind: "time",
  parts: "shared",
  bytes: () => SharedTime.BYTES,
  open: (memory) => new SharedTime(memory),
};
