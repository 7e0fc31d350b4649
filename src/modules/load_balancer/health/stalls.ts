/**
 * Whether this thread has stood still. Timers of a thread that was held up fire before it reads what its sockets
 * have, so every probe looks late at once, though all members have answered.
 *
 * @module
 */

/** Time between two looks at the clock. */
const LOOK_MS = 100;
/** A pause that makes the limits of probes meaningless. */
const STALL_MS = 500;

/** Watches the event loop of this thread. */
export class Stalls {
  #lastLook = performance.now();
  #lastStall = -Infinity;
  readonly #timer = setInterval(() => this.#look(), LOOK_MS);

  /** Whether the thread has stood still since `time`, on the clock of `performance.now()`. */
  since(time: number): boolean {
    this.#look();
    return this.#lastStall >= time;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lastLook > STALL_MS) this.#lastStall = now;
    this.#lastLook = now;
  }
}
