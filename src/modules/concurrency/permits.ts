/**
 * Permits of one concurrency limit for the exchanges of one snapshot.
 *
 * @module
 */
import type { Exchange, Held } from "../../gateway/exchange/exchange.ts";
import type { Queue } from "../../zones/queue.ts";

/** Outcome of a request. */
export type Outcome =
  /** It holds a permit, which it gives back when it is over. */
  | "granted"
  /** All permits are out and there is no room, or no time, to wait. */
  | "refused"
  /** Its client went away while it waited. */
  | "aborted";

/** Permits of one queue. An exchange that was granted one holds this. */
export class Permits implements Held {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** How many permits are out, and how many requests wait for one, in all workers. */
  get load(): Queue["load"] {
    return this.#queue.load;
  }

  /** Takes a permit for `exchange` if one is free. */
  take(exchange: Exchange): boolean {
    if (!this.#queue.tryTake()) return false;
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
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    let isSettled = false;
    const settle = (outcome: Outcome) => {
      isSettled = true;
      exchange.onAbort = undefined;
      resolve(outcome);
    };
    const place = this.#queue.join(maxQueue, timeoutMs, {
      granted: () => {
        exchange.hold(this);
        settle("granted");
      },
      expired: () => settle("refused"),
    });
    if (place === undefined) settle("refused");
    else if (!isSettled) {
      exchange.onAbort = () => {
        if (place.leave()) settle("aborted");
      };
    }
    return promise;
  }

  release(): void {
    this.#queue.giveBack();
  }
}
