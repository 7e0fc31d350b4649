/**
 * Requests that wait for a member (spec 03 section 8): they hold no permit, and choose again when a place or a
 * member has perhaps become free. The first of each worker looks, and the next one when that has found a member:
 * so a full pool costs as many looks as places become free, and one an interval as a net.
 *
 * @module
 */
import type { Call } from "../../../gateway/origin.ts";
import type { SharedPool } from "../memory/pool_memory.ts";

/** How waiting ended. */
export type WaitOutcome = "waited" | "full" | "timeout" | "aborted";

/** A request that waits. */
interface Waiter {
  /** Chooses again; whether that was successful. */
  readonly look: () => boolean;
  readonly settle: (outcome: WaitOutcome) => void;
}

/** Limits of a queue. */
export interface QueueRules {
  /** In all workers. */
  readonly maxWaiting: number;
  readonly timeoutMs: number;
  readonly retryIntervalMs: number;
}

/** The requests of one worker that wait for a member of one pool. */
export class WaitingRoom {
  /** In the order they came. */
  readonly #waiters = new Set<Waiter>();
  #isListening = false;

  constructor(readonly shared: SharedPool, readonly rules: QueueRules) {}

  /**
   * Waits until `look` is successful.
   *
   * @param ms How long it may.
   */
  wait(look: () => boolean, ms: number, call: Call): Promise<WaitOutcome> {
    if (!this.shared.tryWait(this.rules.maxWaiting)) return Promise.resolve("full");
    const { promise, resolve } = Promise.withResolvers<WaitOutcome>();
    const settle = (outcome: WaitOutcome): void => {
      if (!this.#waiters.delete(waiter)) return;
      clearTimeout(timer);
      call.onAbort = undefined;
      this.shared.endWait();
      resolve(outcome);
    };
    const waiter: Waiter = { look, settle };
    const timer = setTimeout(() => settle("timeout"), ms);
    call.onAbort = () => settle("aborted");
    this.#waiters.add(waiter);
    // A place may have become free before it was counted as waiting.
    this.#serve();
    if (!this.#isListening && this.#waiters.size > 0) void this.#listen();
    return promise;
  }

  async #listen(): Promise<void> {
    this.#isListening = true;
    while (this.#waiters.size > 0) {
      const seen = this.shared.wakes;
      this.#serve();
      if (this.#waiters.size > 0) await this.shared.awake(seen, this.rules.retryIntervalMs);
    }
    this.#isListening = false;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.look()) return;
      waiter.settle("waited");
    }
  }
}
