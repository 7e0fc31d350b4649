/**
 * Requests that wait for their token. All of them share one timer, set for the one that wakes first.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";

/** Most requests asleep at a time in one worker; each holds its connection and its exchange. */
const MAX_SLEEPERS = 10_000;

/** A timer may be this early; waking then costs nothing, where setting it again would. */
const EARLY_MS = 1;

interface Sleeper {
  readonly wakeAt: number;
  /** Its place in the heap. */
  at: number;
  readonly wake: () => void;
}

/** A bounded set of sleeping requests: a heap by the time they wake. */
export class Sleepers {
  readonly #heap: Sleeper[] = [];
  readonly #limit: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What the timer is set for. */
  #timerAt = Infinity;

  /** @param limit Most requests asleep at a time. */
  constructor(limit = MAX_SLEEPERS) {
    this.#limit = limit;
  }

  /** Whether no other request may go to sleep. */
  get full(): boolean {
    return this.#heap.length >= this.#limit;
  }

  /**
   * Sleeps until `performance.now()` is `wakeAt`, or the client of `exchange` goes away, or
   * {@linkcode Sleepers.wakeAll}.
   */
  sleep(wakeAt: number, exchange: Exchange): Promise<void> {
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        wakeAt,
        at: this.#heap.length,
        wake: () => {
          exchange.onAbort = undefined;
          resolve();
        },
      };
      exchange.onAbort = () => {
        this.#remove(sleeper);
        this.#arm();
        sleeper.wake();
      };
      this.#heap.push(sleeper);
      this.#rise(sleeper);
      this.#arm();
    });
  }

  /** Wakes everyone. */
  wakeAll(): void {
    for (const sleeper of this.#heap.splice(0)) sleeper.wake();
    this.#arm();
  }

  /** Wakes those whose time has come. */
  #wakeDue(): void {
    const due = performance.now() + EARLY_MS;
    for (let first = this.#heap.at(0); first !== undefined && first.wakeAt <= due;) {
      this.#remove(first);
      first.wake();
      first = this.#heap.at(0);
    }
    this.#arm();
  }

  /** Sets the timer for the first to wake, if it is not set for that already. */
  #arm(): void {
    const first = this.#heap.at(0)?.wakeAt ?? Infinity;
    if (first === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = first;
    if (first === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#wakeDue();
    }, Math.max(0, first - performance.now()));
  }

  #remove(sleeper: Sleeper): void {
    const last = this.#heap.pop();
    if (last === undefined || last === sleeper) return;
    this.#put(last, sleeper.at);
    this.#rise(last);
    this.#sink(last);
  }

  #put(sleeper: Sleeper, at: number): void {
    this.#heap[at] = sleeper;
    sleeper.at = at;
  }

  /** Restores the order above `sleeper`: no parent wakes later than its children. */
  #rise(sleeper: Sleeper): void {
    while (sleeper.at > 0) {
      const { at } = sleeper;
      const parent = this.#heap[(at - 1) >> 1];
      if (parent.wakeAt <= sleeper.wakeAt) return;
      this.#put(sleeper, parent.at);
      this.#put(parent, at);
    }
  }

  /** Restores the order below `sleeper`. */
  #sink(sleeper: Sleeper): void {
    const heap = this.#heap;
    for (;;) {
      const { at } = sleeper;
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[right].wakeAt < heap[left].wakeAt
        ? heap[right]
        : heap[left];
      if (child.wakeAt >= sleeper.wakeAt) return;
      this.#put(sleeper, child.at);
      this.#put(child, at);
    }
  }
}
