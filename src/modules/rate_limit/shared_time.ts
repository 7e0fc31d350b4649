/**
 * One monotonic clock for all workers of a process. Each worker's `performance.now()` counts from its
 * own start, and the wall clock that could relate them may be set back or forth at any time; so workers
 * leave in a zone how late it is, and a worker that starts later joins their time.
 *
 * @module
 */

/** How far the wall clock may be ahead of the time last left in the zone and still be believed. */
const MAX_GAP_MS = 2000;

/** Zone words, 64 bits each: wall clock at time zero, and the latest time any worker left. */
const EPOCH = 0;
const LATEST = 1;

/** Nanoseconds since the zone was made, the same in every worker; at worst {@linkcode MAX_GAP_MS} apart. */
export class SharedTime {
  /** Bytes of its zone. */
  static readonly BYTES = 16;

  readonly #longs: BigInt64Array;
  readonly #offsetMs: number;

  /**
   * @param buffer A zone of {@linkcode SharedTime.BYTES} bytes, all zero when new.
   * @param wallMs The wall clock.
   * @param localMs The clock of this worker at the same moment.
   */
  constructor(buffer: SharedArrayBuffer, wallMs = Date.now(), localMs = performance.now()) {
    this.#longs = new BigInt64Array(buffer);
    const wall = BigInt(Math.floor(wallMs));
    const first = Atomics.compareExchange(this.#longs, EPOCH, 0n, wall);
    const guessMs = wallMs - Number(first === 0n ? wall : first);
    const latestMs = Number(Atomics.load(this.#longs, LATEST)) / 1e6;
    // Behind the others, or far ahead of them: the wall clock was set since the zone was made.
    const steppedMs = guessMs - latestMs;
    const nowMs = steppedMs < 0 || steppedMs > MAX_GAP_MS ? latestMs : guessMs;
    this.#offsetMs = nowMs - localMs;
  }

  /** Nanoseconds, a whole number, at this worker's `localMs`. */
  now(localMs = performance.now()): number {
    return Math.floor((localMs + this.#offsetMs) * 1e6);
  }

  /** Leaves the time in the zone for workers that start later; to be called every second or so. */
  publish(localMs = performance.now()): void {
    const now = BigInt(this.now(localMs));
    let seen = Atomics.load(this.#longs, LATEST);
    while (seen < now) {
      const was = Atomics.compareExchange(this.#longs, LATEST, seen, now);
      if (was === seen) return;
      seen = was;
    }
  }
}
