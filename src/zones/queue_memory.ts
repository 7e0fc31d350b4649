/**
 * The memory of a queue: how many permits are out, which thread holds them, and the requests that wait for
 * one, in the order they came.
 *
 * While none waits, a permit is taken and given back by one atomic operation. The queue, a doubly
 * linked list of small nodes, is changed under a lock. Two rules make sure that no permit lies idle
 * while one waits: a waiter that joins the queue looks at the permits *after* being counted as waiting, and
 * who gives a permit back looks at the queue *after* the permit is back. Whichever comes second hands
 * out what there is.
 *
 * A permit is handed to the first in the queue, whichever worker it belongs to, by adding to the grants
 * of that worker and waking it. Grants of one worker are for its waiters in the order they came, so a
 * number is enough.
 *
 * Each worker's own permits are counted, so that those of one that died can be given back.
 * The keeper does that, and sets limits; it trusts nothing that stands in the zone, since any worker may
 * have written it: it waits for the lock a moment only, and a queue that cannot be one is an error.
 *
 * @module
 */
import { KEEPER, type KeeperCall, type ThreadSlot } from "./layout.ts";
import { lock, unlock } from "./lock.ts";

/** Header words. */
const IN_FLIGHT = 0;
const MAX_IN_FLIGHT = 1;
const WAITING = 2;
const LOCK = 3;
/** First and last node of the queue, the first that was given back, and how many were ever used. */
const HEAD = 4;
const TAIL = 5;
const SPARE = 6;
const USED = 7;
const HEADER_WORDS = 8;

/** Words of each worker: permits it holds, and grants it has been given since the zone was made. */
const HELD = 0;
const GRANTS = 1;
const WORKER_WORDS = 2;

/** Words of a node; nodes are named by their number plus one, so that 0 is none. */
const NEXT = 0;
const PREVIOUS = 1;
const WORKER = 2;
const NODE_WORDS = 3;

/**
 * How long a thread waits for the lock, which is held for some dozen instructions. After that the memory is
 * not in order, and the next request does not wait.
 */
const LOCK_WAIT_MS = 1000;

/** Attempts against other threads to take a permit. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

/**
 * Smallest queue room made, also where none may wait, so that most changes of `max_queue` keep the zone
 * and its counts.
 */
const LEAST_NODES = 64;

/** A queue's memory as one thread works with it. */
export class QueueMemory {
  /** Bytes for a queue of up to `maxQueue` and `threads` threads; a larger memory has room for more. */
  static bytes(maxQueue: number, threads: number): number {
    const nodes = 2 ** Math.ceil(Math.log2(Math.max(maxQueue, LEAST_NODES)));
    return 4 * (HEADER_WORDS + threads * WORKER_WORDS + nodes * NODE_WORDS);
  }

  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #workers: number;
  readonly #firstNode: number;
  readonly #nodes: number;
  /** Until when a lock may be waited for. */
  readonly #waitUntil: () => number;
  /** The lock was not freed in time when it was last waited for. */
  #isStuck = false;

  /**
   * @param memory Of {@linkcode QueueMemory.bytes} or larger, all zero when new.
   * @param call For the keeper.
   */
  constructor(memory: SharedArrayBuffer, { index, count }: ThreadSlot, call?: KeeperCall) {
    this.#words = new Int32Array(memory);
    this.#worker = index;
    this.#workers = count;
    this.#firstNode = HEADER_WORDS + count * WORKER_WORDS;
    this.#nodes = Math.floor((this.#words.length - this.#firstNode) / NODE_WORDS);
    this.#waitUntil = call === undefined
      ? () => this.#isStuck ? 0 : performance.now() + LOCK_WAIT_MS
      : () => call.waitUntil;
  }

  /** As the keeper works with it. */
  static ofKeeper(memory: SharedArrayBuffer, call: KeeperCall): QueueMemory {
    return new QueueMemory(memory, { index: KEEPER, count: call.threads }, call);
  }

  /** Permits that are out. */
  get inFlight(): number {
    return Atomics.load(this.#words, IN_FLIGHT);
  }

  /** Requests in the queue, of all workers. */
  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** Sets how many permits there are, for all snapshots. */
  setMax(max: number): void {
    if (Atomics.exchange(this.#words, MAX_IN_FLIGHT, max) < max) this.#handOut();
  }

  /** Takes a permit if one is free and none waits for it. */
  tryTake(): boolean {
    return Atomics.load(this.#words, WAITING) <= 0 && this.#reserve(this.#worker);
  }

  /** Gives a permit of this worker back. */
  giveBack(): void {
    Atomics.sub(this.#words, this.#workerWord(this.#worker, HELD), 1);
    Atomics.sub(this.#words, IN_FLIGHT, 1);
    if (Atomics.load(this.#words, WAITING) > 0) this.#handOut();
  }

  /**
   * Joins the queue, at its end.
   *
   * @returns The node to leave it by, or 0 when `maxQueue` are waiting. It may be granted at once.
   */
  join(maxQueue: number): number {
    const words = this.#words;
    this.#lock();
    try {
      const hasRoom = Atomics.load(words, WAITING) < Math.min(maxQueue, this.#nodes);
      const node = hasRoom ? this.#append() : 0;
      if (node !== 0) this.#handOutLocked();
      return node;
    } finally {
      unlock(words, LOCK);
    }
  }

  /**
   * Leaves the queue.
   *
   * @param granted Grants of this worker that the caller has given to its waiters. When there are more,
   * one of them may be for this very node, and nothing is done.
   * @returns Whether the node left; if not, see to the grants first and ask again if need be.
   */
  leave(node: number, granted: number): boolean {
    const words = this.#words;
    this.#lock();
    try {
      const current = this.grants === granted;
      if (current) this.#unlink(node);
      return current;
    } finally {
      unlock(words, LOCK);
    }
  }

  /** Permits this worker's waiters have been given since the zone was made, modulo 2^32. */
  get grants(): number {
    return Atomics.load(this.#words, this.#workerWord(this.#worker, GRANTS));
  }

  /** Waits for {@linkcode PermitZone.grants} to be another number than `seen`. */
  async grantsBeyond(seen: number): Promise<void> {
    const at = this.#workerWord(this.#worker, GRANTS);
    const wait = Atomics.waitAsync(this.#words, at, seen);
    if (wait.async) await wait.value;
  }

  /**
   * Gives back what the lost thread `worker` held, and takes its waiters out of the queue. For the keeper.
   *
   * @throws When the queue is not in order.
   */
  reclaim(worker: number): void {
    const words = this.#words;
    this.#lock();
    try {
      Atomics.sub(words, IN_FLIGHT, Atomics.exchange(words, this.#workerWord(worker, HELD), 0));
      let seen = 0;
      for (let node = this.#node(words[HEAD]); node !== 0;) {
        if (++seen > this.#nodes) throw new Error("a queue without an end");
        const next = this.#node(words[this.#nodeWord(node, NEXT)]);
        if (words[this.#nodeWord(node, WORKER)] === worker) this.#unlink(node);
        node = next;
      }
      this.#handOutLocked();
    } finally {
      unlock(words, LOCK);
    }
  }

  /** @throws When the lock is not freed in time. */
  #lock(): void {
    this.#isStuck = !lock(this.#words, LOCK, this.#waitUntil);
    if (this.#isStuck) throw new Error("a lock that is never freed");
  }

  /**
   * Counts one permit more as out, held by `worker`, unless all are. Both counts change in one run without a
   * call between them, so a thread is ended before or after both.
   */
  #reserve(worker: number): boolean {
    const words = this.#words;
    const held = this.#workerWord(worker, HELD);
    let seen = Atomics.load(words, IN_FLIGHT);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (seen >= Atomics.load(words, MAX_IN_FLIGHT)) return false;
      const was = Atomics.compareExchange(words, IN_FLIGHT, seen, seen + 1);
      if (was === seen) {
        Atomics.add(words, held, 1);
        return true;
      }
      seen = was;
    }
    return false;
  }

  #handOut(): void {
    this.#lock();
    try {
      this.#handOutLocked();
    } finally {
      unlock(this.#words, LOCK);
    }
  }

  /** Gives free permits to the first in the queue. */
  #handOutLocked(): void {
    const words = this.#words;
    for (let handed = 0; words[HEAD] !== 0; handed++) {
      const node = this.#node(words[HEAD]);
      const worker = words[this.#nodeWord(node, WORKER)];
      if (handed >= this.#nodes) throw new Error("a queue without an end");
      if (worker < 0 || worker >= this.#workers) throw new Error(`thread ${worker} in the queue`);
      if (!this.#reserve(worker)) return;
      this.#unlink(node);
      const grants = this.#workerWord(worker, GRANTS);
      Atomics.add(words, grants, 1);
      if (worker !== this.#worker) Atomics.notify(words, grants);
    }
  }

  #append(): number {
    const words = this.#words;
    let node = this.#node(words[SPARE]);
    if (node !== 0) words[SPARE] = words[this.#nodeWord(node, NEXT)];
    else node = this.#node(++words[USED]);
    const tail = this.#node(words[TAIL]);
    words[this.#nodeWord(node, NEXT)] = 0;
    words[this.#nodeWord(node, PREVIOUS)] = tail;
    words[this.#nodeWord(node, WORKER)] = this.#worker;
    if (tail === 0) words[HEAD] = node;
    else words[this.#nodeWord(tail, NEXT)] = node;
    words[TAIL] = node;
    Atomics.add(words, WAITING, 1);
    return node;
  }

  #unlink(node: number): void {
    const words = this.#words;
    const next = this.#node(words[this.#nodeWord(node, NEXT)]);
    const previous = this.#node(words[this.#nodeWord(node, PREVIOUS)]);
    if (previous === 0) words[HEAD] = next;
    else words[this.#nodeWord(previous, NEXT)] = next;
    if (next === 0) words[TAIL] = previous;
    else words[this.#nodeWord(next, PREVIOUS)] = previous;
    words[this.#nodeWord(node, NEXT)] = words[SPARE];
    words[SPARE] = node;
    Atomics.sub(words, WAITING, 1);
  }

  #workerWord(worker: number, word: number): number {
    return HEADER_WORDS + worker * WORKER_WORDS + word;
  }

  /** `node`, which stood in the zone, if it can be one, or 0. */
  #node(node: number): number {
    if (node < 0 || node > this.#nodes) {
      throw new Error(`node ${node} of ${this.#nodes} in the queue`);
    }
    return node;
  }

  #nodeWord(node: number, word: number): number {
    return this.#firstNode + (node - 1) * NODE_WORDS + word;
  }
}
