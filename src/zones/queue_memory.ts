/**
 * The memory of a queue: how many permits are out, which thread holds them, and the requests that wait for
 * one, in the order they came.
 *
 * While none waits, a permit is taken and given back without a lock. The queue (`queue_list.ts`) is changed
 * under one. Two rules make sure that no permit lies idle while one waits: a waiter that joins the queue looks
 * at the permits *after* being counted as waiting, and a worker that gives a permit back looks at the queue
 * *after* the permit is back. Whichever comes second hands out what there is.
 *
 * A permit is handed to the first in the queue, whichever worker it belongs to, by adding to the grants
 * of that worker and waking it. Grants of one worker are for its waiters in the order they came, so a
 * number is enough.
 *
 * What a worker holds is what it took itself, less what it gave back, and what it was granted. Each of these two
 * changes in one place only, so those of a lost worker are known exactly, and so is how many permits are out:
 * their sum over all workers. The queue follows from the tickets of the nodes. Both are worked out anew when a
 * worker was lost, and after a change that was not ended (`guard.ts`).
 *
 * The keeper reclaims, and sets limits; it trusts nothing that is in the zone, since any worker may
 * have written it: it waits for the lock a moment only, and a queue that cannot be one is an error.
 *
 * @module
 */
import { Guard } from "./guard.ts";
import { KEEPER, type KeeperCall, type ThreadSlot } from "./layout.ts";
import { bytesOfNodes, Header, QueueList } from "./queue_list.ts";

const { IN_FLIGHT, MAX_IN_FLIGHT, WAITING, LOCK, CHANGING, GRANTED_NODE, GRANTED_VALUE } = Header;

/**
 * Words of each worker: permits it took less those it gave back, also granted ones; grants it has been given
 * since the zone was made; steps that change what it holds and what is out, odd between the two.
 */
const TAKEN = 0;
const GRANTS = 1;
const STEPS = 2;
const WORKER_WORDS = 3;

/** Attempts against other threads to take a permit. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

/** Looks for a moment at which no worker is between two steps, which last some dozen nanoseconds. */
const MAX_LOOKS = 1000;

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
    return 4 * (Header.WORDS + threads * WORKER_WORDS) + bytesOfNodes(nodes);
  }

  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #workers: number;
  readonly #list: QueueList;
  readonly #guard: Guard;

  /**
   * @param memory Of {@linkcode QueueMemory.bytes} or larger, all zero when new.
   * @param call For the keeper.
   */
  constructor(memory: SharedArrayBuffer, own: ThreadSlot, call?: KeeperCall) {
    const { index, count } = own;
    this.#words = new Int32Array(memory);
    this.#worker = index;
    this.#workers = count;
    this.#list = new QueueList(this.#words, Header.WORDS + count * WORKER_WORDS, count);
    const workOut = () => this.#workOut();
    const guarded = { words: this.#words, lock: LOCK, changing: CHANGING, workOut };
    this.#guard = new Guard(guarded, own, call);
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
    Atomics.store(this.#words, MAX_IN_FLIGHT, max);
    if (Atomics.load(this.#words, WAITING) > 0) this.#handOut();
  }

  /** Takes a permit if one is free and none waits for it. */
  tryTake(): boolean {
    const words = this.#words;
    if (Atomics.load(words, WAITING) > 0) return false;
    const own = this.#workerWord(this.#worker, TAKEN);
    const steps = this.#workerWord(this.#worker, STEPS);
    Atomics.add(words, steps, 1);
    const taken = this.#reserve();
    if (taken) Atomics.add(words, own, 1);
    Atomics.add(words, steps, 1);
    return taken;
  }

  /** Gives a permit of this worker back. */
  giveBack(): void {
    const words = this.#words;
    const steps = this.#workerWord(this.#worker, STEPS);
    Atomics.add(words, steps, 1);
    Atomics.sub(words, this.#workerWord(this.#worker, TAKEN), 1);
    Atomics.sub(words, IN_FLIGHT, 1);
    Atomics.add(words, steps, 1);
    if (Atomics.load(words, WAITING) > 0) this.#handOut();
  }

  /**
   * Joins the queue, at its end.
   *
   * @returns The node to leave it by, or 0 when `maxQueue` are waiting. It may be granted at once.
   * @throws When the lock is not freed in time, or the queue is not in order.
   */
  join(maxQueue: number): number {
    return this.#guard.change(() => {
      const hasRoom = Atomics.load(this.#words, WAITING) < Math.min(maxQueue, this.#list.size);
      const node = hasRoom ? this.#list.append(this.#worker) : 0;
      if (node !== 0) this.#handOutLocked();
      return node;
    });
  }

  /**
   * Leaves the queue.
   *
   * @param granted Grants of this worker that the caller has given to its waiters. When there are more,
   * one of them may be for this very node, and nothing is done.
   * @returns Whether the node left; if not, see to the grants first and ask again if need be.
   * @throws When the lock is not freed in time, or the queue is not in order.
   */
  leave(node: number, granted: number): boolean {
    return this.#guard.change(() => {
      const current = this.grants === granted;
      if (current && this.#list.isOf(node, this.#worker)) this.#list.unlink(node);
      return current;
    });
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
   * Gives back what the lost thread `worker` held, and takes its waiters out of the queue. For the keeper; it
   * may be called again, after an error as well.
   *
   * @throws When another thread does not free the lock in time, or the queue was not in order: then it is now.
   */
  reclaim(worker: number): void {
    let isCounted = false;
    const disorder = this.#guard.change(() => {
      const words = this.#words;
      const found = this.#list.disorder();
      for (let node = 1; node <= this.#list.size; node++) {
        if (this.#list.isOf(node, worker)) this.#list.cancel(node);
      }
      // In this order: what the worker holds is not looked at before it is nothing.
      const grants = Atomics.load(words, this.#workerWord(worker, GRANTS));
      Atomics.store(words, this.#workerWord(worker, TAKEN), -grants);
      const steps = this.#workerWord(worker, STEPS);
      if ((Atomics.load(words, steps) & 1) !== 0) Atomics.add(words, steps, 1);
      isCounted = this.#workOut();
      this.#handOutLocked();
      return found;
    }, worker);
    if (disorder !== undefined) throw new Error(disorder);
    if (isCounted) return;
    // Until a later change can.
    Atomics.store(this.#words, CHANGING, 1);
    throw new Error("permits that cannot be counted");
  }

  /** Counts one permit more as out, unless all are. */
  #reserve(): boolean {
    const words = this.#words;
    let seen = Atomics.load(words, IN_FLIGHT);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (seen >= Atomics.load(words, MAX_IN_FLIGHT)) return false;
      const was = Atomics.compareExchange(words, IN_FLIGHT, seen, seen + 1);
      if (was === seen) return true;
      seen = was;
    }
    return false;
  }

  #handOut(): void {
    this.#guard.change(() => this.#handOutLocked());
  }

  /** Gives free permits to the first in the queue. */
  #handOutLocked(): void {
    const words = this.#words;
    for (let handed = 0; this.#list.head !== 0; handed++) {
      const node = this.#list.head;
      const worker = this.#list.workerOf(node);
      if (handed >= this.#list.size) throw new Error("a queue without an end");
      if (worker < 0) throw new Error(`a node ${node} of no thread in the queue`);
      if (!this.#reserve()) return;
      const grants = this.#workerWord(worker, GRANTS);
      const value = (Atomics.load(words, grants) + 1) | 0;
      Atomics.store(words, GRANTED_VALUE, value);
      Atomics.store(words, GRANTED_NODE, node);
      Atomics.store(words, grants, value);
      this.#list.unlink(node);
      Atomics.store(words, GRANTED_NODE, 0);
      if (worker !== this.#worker) Atomics.notify(words, grants);
    }
  }

  /** The queue from its tickets, and the permits that are out; false when these could not be counted. */
  #workOut(): boolean {
    const words = this.#words;
    this.#endGrant();
    this.#list.workOut();
    // Their thread may have been lost before it woke them.
    for (let worker = 0; worker < this.#workers; worker++) {
      Atomics.notify(words, this.#workerWord(worker, GRANTS));
    }
    return this.#count();
  }

  /** The node that was being granted a permit is no longer in the queue if its worker has the grant. */
  #endGrant(): void {
    const words = this.#words;
    const node = words[GRANTED_NODE];
    const worker = node > 0 && node <= this.#list.size ? this.#list.workerOf(node) : -1;
    const isGranted = worker >= 0 &&
      Atomics.load(words, this.#workerWord(worker, GRANTS)) === words[GRANTED_VALUE];
    if (isGranted) this.#list.cancel(node);
    Atomics.store(words, GRANTED_NODE, 0);
  }

  /**
   * Counts the permits that are out. Workers take and give back meanwhile: the count is right when none was
   * between two steps from the first look at it to the second.
   */
  #count(): boolean {
    const words = this.#words;
    for (let look = 0; look < MAX_LOOKS; look++) {
      const first = this.#held();
      const seen = Atomics.load(words, IN_FLIGHT);
      const second = this.#held();
      if (first === undefined || second === undefined) continue;
      if (first.steps !== second.steps) continue;
      if (seen === first.held) return true;
      if (Atomics.compareExchange(words, IN_FLIGHT, seen, first.held) === seen) return true;
    }
    return false;
  }

  /** What all workers hold, and their steps so far; `undefined` when one is between two. */
  #held(): { readonly held: number; readonly steps: number } | undefined {
    const words = this.#words;
    let held = 0, steps = 0;
    for (let worker = 0; worker < this.#workers; worker++) {
      const own = Atomics.load(words, this.#workerWord(worker, STEPS));
      if ((own & 1) !== 0) return undefined;
      steps = (steps + own) | 0;
      held = (held + Atomics.load(words, this.#workerWord(worker, TAKEN))) | 0;
      held = (held + Atomics.load(words, this.#workerWord(worker, GRANTS))) | 0;
    }
    return { held, steps };
  }

  #workerWord(worker: number, word: number): number {
    return Header.WORDS + worker * WORKER_WORDS + word;
  }
}
