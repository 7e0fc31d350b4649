/**
 * One coarse clock a worker. What must not wait for ever registers itself and keeps a deadline
 * field up to date; a sweep every {@linkcode TICK_MS} calls those whose deadline has passed. Setting a
 * deadline is one assignment, where a timer for each read would cost two microseconds.
 *
 * A clock can be made to run ahead of real time ({@linkcode Clock.pace}), and every limit that is kept by it
 * then ends sooner: tests of limits need not wait for them.
 *
 * What is watched ends that where it ends itself, whatever its deadline is: 0 says that there is no limit
 * at the moment, as it does in everything that `expire` calls.
 *
 * @module
 */

/** Time between two sweeps, in milliseconds: the error of every time limit. */
export const TICK_MS = 250;

/** A deadline that has passed: `expire` is called at the next sweep. */
export const NEXT_TICK = 1;

/** Something with a time limit. */
export interface Expiring {
  /** {@linkcode Clock.now} value after which `expire` is called; 0 for no limit. */
  deadline: number;
  /** Called by the sweep, with `deadline` already reset to 0. Must not throw. */
  expire(): void;
}

/** A coarse, monotonic clock with a sweep. */
export class Clock {
  /** How many of its milliseconds pass in a real one. */
  readonly pace: number;
  /** Milliseconds since the process started, as of the last tick. Never goes back. */
  now: number;
  readonly #watched = new Set<Expiring>();
  readonly #onTick = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** A clock that stands still until it is started. */
  constructor(pace: number = 1) {
    this.pace = pace;
    this.now = performance.now() * pace;
  }

  /** Starts ticking. `unref` leaves the event loop free to end. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.tick(), TICK_MS / this.pace);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Stops ticking. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** How many are watched. */
  get watched(): number {
    return this.#watched.size;
  }

  /** Looks at the deadline of `expiring` in every sweep from now on. */
  watch(expiring: Expiring): void {
    this.#watched.add(expiring);
  }

  /** Ends that. */
  unwatch(expiring: Expiring): void {
    this.#watched.delete(expiring);
  }

  /** Calls `job` on every tick until the returned function is called. */
  every(job: () => void): () => void {
    this.#onTick.add(job);
    return () => this.#onTick.delete(job);
  }

  /** One sweep; public for tests, which move time themselves. */
  tick(now = performance.now() * this.pace): void {
    this.now = now;
    for (const expiring of this.#watched) {
      if (expiring.deadline !== 0 && expiring.deadline <= now) {
        expiring.deadline = 0;
        expiring.expire();
      }
    }
    for (const job of this.#onTick) job();
  }
}
