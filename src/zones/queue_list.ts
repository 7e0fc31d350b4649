/**
 * The list of those who wait in a queue: nodes in the memory of the queue (`queue_memory.ts`), doubly linked, in
 * the order of their tickets. It changes under the lock of the queue.
 *
 * A node is in the queue while it has a ticket; everything else follows from the tickets.
 *
 * @module
 */

/** Words of the header of a queue. */
export const Header = {
  /** Permits that are out, and how many there are. */
  IN_FLIGHT: 0,
  MAX_IN_FLIGHT: 1,
  /** Nodes in the queue. */
  WAITING: 2,
  LOCK: 3,
  /** First and last node of the queue, the first that was given back, and how many were ever used. */
  HEAD: 4,
  TAIL: 5,
  SPARE: 6,
  USED: 7,
  /** A change is under way (`guard.ts`). */
  CHANGING: 8,
  /** Ticket of the node that joined last. */
  TICKETS: 9,
  /** Node that is being granted a permit, and what the grants of its worker are after that. */
  GRANTED_NODE: 10,
  GRANTED_VALUE: 11,
  WORDS: 12,
} as const;

const { WAITING, HEAD, TAIL, SPARE, USED, TICKETS } = Header;

/** Words of a node; nodes are named by their number plus one, so that 0 is none. */
const NEXT = 0;
const PREVIOUS = 1;
const WORKER = 2;
/** Grows with each node that joins; 0 when it is not in the queue. */
const TICKET = 3;
const NODE_WORDS = 4;

/** Bytes of `nodes` nodes. */
export function bytesOfNodes(nodes: number): number {
  return 4 * nodes * NODE_WORDS;
}

/** The nodes of a queue. */
export class QueueList {
  readonly #words: Int32Array;
  readonly #workers: number;
  readonly #first: number;
  /** How many nodes there is room for. */
  readonly size: number;

  /** @param first Word where the nodes begin, which reach to the end of `words`. */
  constructor(words: Int32Array, first: number, workers: number) {
    this.#words = words;
    this.#workers = workers;
    this.#first = first;
    this.size = Math.floor((words.length - first) / NODE_WORDS);
  }

  /** The first node, or 0. */
  get head(): number {
    return this.#node(this.#words[HEAD]);
  }

  /** The worker whose request a node is, or -1. */
  workerOf(node: number): number {
    const worker = this.#words[this.#word(node, WORKER)];
    return worker >= 0 && worker < this.#workers ? worker : -1;
  }

  /** Whether the node is in the queue for `worker`. */
  isOf(node: number, worker: number): boolean {
    return this.#ticket(node) !== 0 && this.workerOf(node) === worker;
  }

  /** Takes its place in the queue from a node, if there can be such a node; {@linkcode QueueList.workOut} unlinks it. */
  cancel(node: number): void {
    if (node > 0 && node <= this.size) Atomics.store(this.#words, this.#word(node, TICKET), 0);
  }

  /** A node of `worker` at the end. */
  append(worker: number): number {
    const words = this.#words;
    let node = this.#node(words[SPARE]);
    if (node !== 0) Atomics.store(words, SPARE, words[this.#word(node, NEXT)]);
    else {
      node = this.#node(words[USED] + 1);
      Atomics.store(words, USED, node);
    }
    const tail = this.#node(words[TAIL]);
    const ticket = (words[TICKETS] + 1) | 0 || 1;
    Atomics.store(words, TICKETS, ticket);
    Atomics.store(words, this.#word(node, WORKER), worker);
    Atomics.store(words, this.#word(node, TICKET), ticket);
    Atomics.store(words, this.#word(node, NEXT), 0);
    Atomics.store(words, this.#word(node, PREVIOUS), tail);
    if (tail === 0) Atomics.store(words, HEAD, node);
    else Atomics.store(words, this.#word(tail, NEXT), node);
    Atomics.store(words, TAIL, node);
    Atomics.add(words, WAITING, 1);
    return node;
  }

  /** The node leaves the queue. */
  unlink(node: number): void {
    const words = this.#words;
    const next = this.#node(words[this.#word(node, NEXT)]);
    const previous = this.#node(words[this.#word(node, PREVIOUS)]);
    Atomics.store(words, this.#word(node, TICKET), 0);
    if (previous === 0) Atomics.store(words, HEAD, next);
    else Atomics.store(words, this.#word(previous, NEXT), next);
    if (next === 0) Atomics.store(words, TAIL, previous);
    else Atomics.store(words, this.#word(next, PREVIOUS), previous);
    this.#spare(node);
    Atomics.sub(words, WAITING, 1);
  }

  /** What keeps the queue from being one, if something does that no change under way explains. */
  disorder(): string | undefined {
    const words = this.#words;
    try {
      let seen = 0;
      for (let node = this.#node(words[HEAD]); node !== 0;) {
        if (++seen > this.size) return "a queue without an end";
        node = this.#node(words[this.#word(node, NEXT)]);
      }
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Links the nodes that have a ticket, in the order of these; all others are spare. */
  workOut(): void {
    const words = this.#words;
    const used = Math.min(Math.max(0, words[USED]), this.size);
    const waiting: number[] = [];
    Atomics.store(words, USED, used);
    Atomics.store(words, SPARE, 0);
    for (let node = used; node > 0; node--) {
      if (this.#ticket(node) !== 0 && this.workerOf(node) >= 0) waiting.push(node);
      else this.#spare(node);
    }
    waiting.sort((one, other) => (this.#ticket(one) - this.#ticket(other)) | 0);
    Atomics.store(words, HEAD, waiting[0] ?? 0);
    Atomics.store(words, TAIL, waiting.at(-1) ?? 0);
    for (const [i, node] of waiting.entries()) {
      Atomics.store(words, this.#word(node, PREVIOUS), waiting[i - 1] ?? 0);
      Atomics.store(words, this.#word(node, NEXT), waiting[i + 1] ?? 0);
    }
    Atomics.store(words, WAITING, waiting.length);
  }

  #spare(node: number): void {
    const words = this.#words;
    Atomics.store(words, this.#word(node, TICKET), 0);
    Atomics.store(words, this.#word(node, NEXT), words[SPARE]);
    Atomics.store(words, SPARE, node);
  }

  #ticket(node: number): number {
    return this.#words[this.#word(node, TICKET)];
  }

  /** `node`, which was in the zone, if it can be one, or 0. */
  #node(node: number): number {
    if (node < 0 || node > this.size) {
      throw new Error(`node ${node} of ${this.size} in the queue`);
    }
    return node;
  }

  #word(node: number, word: number): number {
    return this.#first + (node - 1) * NODE_WORDS + word;
  }
}
