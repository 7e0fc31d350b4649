/**
 * The shared part of a concurrency limit: how many permits are out, who holds them, and the queue of
 * those who wait, in one zone that all workers see.
 *
 * While nobody waits, a permit is taken and given back by one atomic operation. The queue, a doubly
 * linked list of small nodes, is changed under a lock. Two rules make sure that no permit lies idle
 * while somebody waits: who joins the queue looks at the permits *after* being counted as waiting, and
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
import { lock, lockWithin, unlock } from "./zone_lock.ts";

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
/** How many workers the zone was made for. */
const WORKERS = 8;
const HEADER_WORDS = 9;

/** Words of each worker: permits it holds, and grants it has been given since the zone was made. */
const HELD = 0;
const GRANTS = 1;
const WORKER_WORDS = 2;

/** Words of a node; nodes are named by their number plus one, so that 0 is none. */
const NEXT = 0;
const PREVIOUS = 1;
const WORKER = 2;
const NODE_WORDS = 3;

/** Index of who is not a worker. */
const NOBODY = -1;

/** How long the keeper waits for the lock. It is held for some dozen instructions. */
const KEEPER_WAIT_MS = 100;

/**
 * Smallest queue room made, also where nobody may wait, so that most changes of `max_queue` keep the zone
 * and its counts.
 */
const LEAST_NODES = 64;

/** A zone as one worker works with it. */
export class PermitZone {
  /** Bytes for a queue of up to `maxQueue` and `workers` workers; a larger memory has room for more. */
  static bytes(maxQueue: number, workers: number): number {
    const nodes = 2 ** Math.ceil(Math.log2(Math.max(maxQueue, LEAST_NODES)));
    return 4 * (HEADER_WORDS + workers * WORKER_WORDS + nodes * NODE_WORDS);
  }

  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #workers: number;
  readonly #firstNode: number;
  readonly #nodes: number;

  /**
   * @param buffer Of {@linkcode PermitZone.bytes} or larger, all zero when new.
   * @param worker Index of this worker, below `workers`.
   */
  constructor(buffer: SharedArrayBuffer, worker: number, workers: number) {
    this.#words = new Int32Array(buffer);
    Atomics.store(this.#words, WORKERS, workers);
    this.#worker = worker;
    this.#workers = workers;
    this.#firstNode = HEADER_WORDS + workers * WORKER_WORDS;
    this.#nodes = Math.floor((this.#words.length - this.#firstNode) / NODE_WORDS);
  }

  /** Permits that are out. */
  get inFlight(): number {
    return Atomics.load(this.#words, IN_FLIGHT);
  }

  /** Requests in the queue, of all workers. */
  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** Says how many permits there are in a zone that does not know it yet. */
  beginWith(max: number): void {
    Atomics.compareExchange(this.#words, MAX_IN_FLIGHT, 0, max);
  }

  /**
   * Says how many permits there are: the latest configuration's limit holds for all, whichever snapshot
   * they began on. For who is not a worker.
   */
  static setMaxInFlight(buffer: SharedArrayBuffer, max: number): void {
    const words = new Int32Array(buffer);
    const was = Atomics.exchange(words, MAX_IN_FLIGHT, max);
    // Before the first worker came nobody can be waiting.
    if (was < max && Atomics.load(words, WORKERS) !== 0) PermitZone.#ofKeeper(buffer).#handOut();
  }

  /**
   * A zone as the keeper works with it.
   *
   * @throws When it has no room for the workers that it claims to be made for.
   */
  static #ofKeeper(buffer: SharedArrayBuffer): PermitZone {
    const words = new Int32Array(buffer);
    const workers = Atomics.load(words, WORKERS);
    const room = Math.floor((words.length - HEADER_WORDS) / WORKER_WORDS);
    if (workers < 1 || workers > room) throw new Error(`a table of ${workers} workers`);
    return new PermitZone(buffer, NOBODY, workers);
  }

  /** Takes a permit if one is free and nobody waits for it. */
  tryTake(): boolean {
    if (Atomics.load(this.#words, WAITING) > 0 || !this.#reserve()) return false;
    Atomics.add(this.#words, this.#workerWord(this.#worker, HELD), 1);
    return true;
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
   * Gives back what a worker that died held, and takes its waiters out of the queue. To be called by
   * who watches the workers, before another one takes its index.
   */
  static reclaim(buffer: SharedArrayBuffer, worker: number): void {
    // No worker has come yet.
    if (Atomics.load(new Int32Array(buffer), WORKERS) === 0) return;
    const zone = PermitZone.#ofKeeper(buffer);
    if (worker < zone.#workers) zone.#reclaim(worker);
  }

  #reclaim(worker: number): void {
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

  /** @throws In the keeper, when the lock is not given back in time. */
  #lock(): void {
    if (this.#worker !== NOBODY) lock(this.#words, LOCK);
    else if (!lockWithin(this.#words, LOCK, KEEPER_WAIT_MS)) {
      throw new Error("a lock for ever held");
    }
  }

  /** Counts one permit more as out, unless all are. */
  #reserve(): boolean {
    const words = this.#words;
    let seen = Atomics.load(words, IN_FLIGHT);
    while (seen < Atomics.load(words, MAX_IN_FLIGHT)) {
      const was = Atomics.compareExchange(words, IN_FLIGHT, seen, seen + 1);
      if (was === seen) return true;
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
    for (let handed = 0; words[HEAD] !== 0 && this.#reserve(); handed++) {
      const node = this.#node(words[HEAD]);
      const worker = words[this.#nodeWord(node, WORKER)];
      if (handed >= this.#nodes) throw new Error("a queue without an end");
      if (worker < 0 || worker >= this.#workers) throw new Error(`worker ${worker} in the queue`);
      this.#unlink(node);
      Atomics.add(words, this.#workerWord(worker, HELD), 1);
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
