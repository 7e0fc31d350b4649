/**
 * One worker's side of a concurrency limit: takes permits for its exchanges, and keeps those of them
 * that wait in the order they came.
 *
 * @module
 */
import type { Exchange, Held } from "../../gateway/exchange.ts";
import { PermitZone } from "./permit_zone.ts";

/** How a request fared. */
export type Outcome =
  /** It holds a permit, which it gives back when it is over. */
  | "granted"
  /** All permits are out and there is no room, or no time, to wait. */
  | "refused"
  /** Its client went away while it waited. */
  | "aborted";

interface Waiter {
  readonly exchange: Exchange;
  readonly node: number;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly settle: (outcome: Outcome) => void;
}

/** Permits of one zone in one worker. An exchange that was granted one holds this. */
export class Permits implements Held {
  readonly #zone: PermitZone;
  /** In the order they came; grants of this worker are theirs in this order. */
  readonly #waiters = new Set<Waiter>();
  /** Grants given to waiters so far. */
  #granted: number;
  #listening = false;

  private constructor(zone: PermitZone) {
    this.#zone = zone;
    this.#granted = zone.grants;
  }

  /**
   * The permits of `buffer` in this worker: the same object for every snapshot, because the grants in a
   * zone are for the worker and do not tell its snapshots apart.
   *
   * @param buffer As `Zones.get` gives it, which is one object for one memory.
   */
  static of(buffer: SharedArrayBuffer, worker: number, workers: number): Permits {
    let byWorker = known.get(buffer);
    if (byWorker === undefined) known.set(buffer, byWorker = new Map());
    let permits = byWorker.get(worker);
    if (permits === undefined) {
      byWorker.set(worker, permits = new Permits(new PermitZone(buffer, worker, workers)));
    }
    return permits;
  }

  /** How many permits are out, and how many requests wait for one, in all workers. */
  get load(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#zone.inFlight, waiting: this.#zone.waiting };
  }

  /** Says how many permits a new zone has, for all workers; one that knows keeps its number. */
  beginWith(max: number): void {
    this.#zone.beginWith(max);
  }

  /** Takes a permit for `exchange` if one is free. */
  take(exchange: Exchange): boolean {
    if (!this.#zone.tryTake()) return false;
    exchange.hold(this);
    return true;
  }

  /**
   * Waits for a permit in the queue.
   *
   * @param maxQueue Most requests that may wait, in all workers.
   * @param timeoutMs Longest wait.
   */
  wait(exchange: Exchange, maxQueue: number, timeoutMs: number): Promise<Outcome> {
    const node = this.#zone.join(maxQueue);
    if (node === 0) return Promise.resolve("refused");
    return new Promise((resolve) => {
      const waiter: Waiter = {
        exchange,
        node,
        timer: setTimeout(() => this.#abandon(waiter, "refused"), timeoutMs),
        settle: resolve,
      };
      exchange.onAbort = () => this.#abandon(waiter, "aborted");
      this.#waiters.add(waiter);
      // The permits may have come back while it joined.
      this.#deliver();
      if (!this.#listening) this.#listen();
    });
  }

  release(): void {
    this.#zone.giveBack();
    this.#deliver();
  }

  /** Hands grants that have come to the waiters they are for. */
  #deliver(): void {
    const grants = this.#zone.grants;
    for (const waiter of this.#waiters) {
      if (this.#granted === grants) return;
      this.#granted = (this.#granted + 1) | 0;
      waiter.exchange.hold(this);
      this.#settle(waiter, "granted");
    }
  }

  /** Takes `waiter` out of the queue, unless its permit comes first. */
  #abandon(waiter: Waiter, outcome: Outcome): void {
    while (!this.#zone.leave(waiter.node, this.#granted)) {
      this.#deliver();
      if (!this.#waiters.has(waiter)) return;
    }
    this.#settle(waiter, outcome);
  }

  #settle(waiter: Waiter, outcome: Outcome): void {
    clearTimeout(waiter.timer);
    waiter.exchange.onAbort = undefined;
    this.#waiters.delete(waiter);
    waiter.settle(outcome);
  }

  /** Waits for grants by other workers as long as somebody here waits for one. */
  async #listen(): Promise<void> {
    this.#listening = true;
    while (this.#waiters.size > 0) {
      const seen = this.#granted;
      await this.#zone.grantsBeyond(seen);
      this.#deliver();
    }
    this.#listening = false;
  }
}

const known = new WeakMap<SharedArrayBuffer, Map<number, Permits>>();
