/**
 * The kind `queue`: permits counted over all threads, and a bounded queue of those who wait for one, first in
 * first out, each for a limited time.
 *
 * @module
 */
import type { Layout } from "./layout.ts";
import { QueueMemory } from "./queue_memory.ts";

/** Something that waits for a permit. One of the two is called, once, unless it leaves before. */
export interface Waiter {
  /** It holds a permit now. */
  granted(): void;
  /** Its time is over. */
  expired(): void;
}

/** The place of a waiter in a queue. */
export interface Place {
  /** Leaves the queue. Where its permit has come at this very moment, `granted` is called. */
  leave(): boolean;
}

/** A queue as one thread works with it. */
export class Queue {
  readonly #memory: QueueMemory;
  /** In the order they came; grants of this thread are theirs in this order. */
  readonly #waiting = new Set<Waiting>();
  /** Grants given to waiters so far. */
  #granted: number;
  #listening = false;

  constructor(memory: QueueMemory) {
    this.#memory = memory;
    this.#granted = memory.grants;
  }

  /** How many permits are out, and how many requests wait for one, in all threads. */
  get load(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#memory.inFlight, waiting: this.#memory.waiting };
  }

  /** Takes a permit if one is free and nothing waits for it. */
  tryTake(): boolean {
    return this.#memory.tryTake();
  }

  /** Gives a permit of this thread back. */
  giveBack(): void {
    this.#memory.giveBack();
    this.#deliver();
  }

  /**
   * Joins the queue, at its end.
   *
   * @param maxQueue Most waiters in all threads.
   * @param timeoutMs Longest wait.
   * @returns `undefined` when the queue is full. A permit may be granted before this returns.
   */
  join(maxQueue: number, timeoutMs: number, waiter: Waiter): Place | undefined {
    const node = this.#memory.join(maxQueue);
    if (node === 0) return undefined;
    const waiting = new Waiting(this, node, waiter, timeoutMs);
    this.#waiting.add(waiting);
    // The permits may have come back while it joined.
    this.#deliver();
    if (!this.#listening) void this.#listen();
    return waiting;
  }

  /** Takes `waiting` out of the queue, unless its permit comes first. */
  abandon(waiting: Waiting): boolean {
    while (this.#waiting.has(waiting)) {
      if (this.#memory.leave(waiting.node, this.#granted)) {
        this.#waiting.delete(waiting);
        return true;
      }
      this.#deliver();
    }
    return false;
  }

  /** Hands grants that have come to the waiters they are for. */
  #deliver(): void {
    const { grants } = this.#memory;
    for (const waiting of this.#waiting) {
      if (this.#granted === grants) return;
      this.#granted = (this.#granted + 1) | 0;
      this.#waiting.delete(waiting);
      waiting.grant();
    }
  }

  /** Waits for grants by other threads as long as something here waits for one. */
  async #listen(): Promise<void> {
    this.#listening = true;
    while (this.#waiting.size > 0) {
      await this.#memory.grantsBeyond(this.#granted);
      this.#deliver();
    }
    this.#listening = false;
  }
}

class Waiting implements Place {
  readonly #queue: Queue;
  readonly #waiter: Waiter;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(queue: Queue, readonly node: number, waiter: Waiter, timeoutMs: number) {
    this.#queue = queue;
    this.#waiter = waiter;
    this.#timer = setTimeout(() => {
      if (queue.abandon(this)) waiter.expired();
    }, timeoutMs);
  }

  leave(): boolean {
    const left = this.#queue.abandon(this);
    clearTimeout(this.#timer);
    return left;
  }

  grant(): void {
    clearTimeout(this.#timer);
    this.#waiter.granted();
  }
}

/** Room of a queue. */
export interface QueueSize {
  readonly maxQueue: number;
}

/** What a configuration sets. */
export interface QueueSettings {
  readonly maxInFlight: number;
}

/** The kind `queue`. */
export const queue: Layout<Queue, QueueSize, QueueSettings> = {
  kind: "queue",
  parts: "shared",
  // Requests in flight must not be forgotten because the queue got shorter.
  mayBeLarger: true,
  bytes: ({ maxQueue }, threads) => QueueMemory.bytes(maxQueue, threads),
  open: (memory, own) => new Queue(new QueueMemory(memory, own)),
  apply(memory, { maxInFlight }, call) {
    QueueMemory.ofKeeper(memory, call).setMax(maxInFlight);
  },
  reclaim(memory, { index }, call) {
    QueueMemory.ofKeeper(memory, call).reclaim(index);
  },
};
