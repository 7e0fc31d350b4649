/** One of the threads that are ended at random in `lost_threads_test.ts`. @module */
import { arena, type Pin } from "../arena/arena.ts";
import { count } from "../count.ts";
import { queue } from "../queue.ts";

/** The shared memories, and who this thread is among those that use them. */
export interface Order {
  readonly index: number;
  readonly threads: number;
  readonly count: SharedArrayBuffer;
  readonly queue: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  /** Handles of blocks that are kept, for all threads. */
  readonly board: SharedArrayBuffer;
  /** Word 0 ends all threads, word 1 counts faults, then come the turns of each thread. */
  readonly gate: SharedArrayBuffer;
}

export const STOP = 0;
export const FAULTS = 1;
export const TURNS = 2;

/** Most connections, permits in flight, waiters. */
export const MAX_COUNT = 20;
export const MAX_QUEUE = 10;

const GENERATION_BITS = 20n;

/** A handle as one word of 64 bits, never 0. */
export function packed({ block, generation }: Pin["handle"]): bigint {
  return BigInt(block + 1) << GENERATION_BITS | BigInt(generation);
}

/** The handle in a word of the board. */
export function unpacked(word: bigint): Pin["handle"] {
  return {
    block: Number(word >> GENERATION_BITS) - 1,
    generation: Number(word & (1n << GENERATION_BITS) - 1n),
  };
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(message: unknown): void;
};

const chance = (of: number) => Math.random() < of;

scope.onmessage = async ({ data }) => {
  const own = { index: data.index, count: data.threads };
  const connections = count.open(data.count, own);
  const permits = queue.open(data.queue, own);
  const blocks = arena.open(data.arena, own);
  const board = new BigInt64Array(data.board);
  const gate = new Int32Array(data.gate);
  const fault = () => void Atomics.add(gate, FAULTS, 1);
  let open = 0;
  let held = 0;
  let waiting = 0;
  const pins: Pin[] = [];

  function turn(): void {
    if (connections.tryTake(MAX_COUNT)) open++;
    if (open > 0 && chance(0.5)) {
      connections.giveBack();
      open--;
    }
    if (permits.tryTake()) held++;
    else if (waiting < 3) {
      const settled = () => void waiting--;
      const waiter = { granted: () => (settled(), void held++), expired: settled };
      waiting++;
      const place = permits.join(MAX_QUEUE, 20, waiter);
      if (place === undefined) settled();
      else if (chance(0.2) && place.leave()) settled();
    }
    if (held > 0 && chance(0.6)) {
      held--;
      permits.giveBack();
    }
    store();
    read();
    while (pins.length > 8 || pins.length > 0 && chance(0.3)) {
      const [pin] = pins.splice(0, 1);
      if (pin.bytes.some((byte) => byte !== pin.bytes[0])) fault();
      blocks.unpin(pin);
    }
  }

  function store(): void {
    const pin = blocks.take(1 + Math.floor(Math.random() * 20_000), 0);
    if (pin === undefined) return;
    pin.bytes.fill(Math.random() * 256);
    if (!blocks.keep(pin)) fault();
    const at = Math.floor(Math.random() * board.length);
    const before = Atomics.exchange(board, at, packed(pin.handle));
    if (before !== 0n) blocks.drop(unpacked(before));
    blocks.unpin(pin);
  }

  function read(): void {
    const word = Atomics.load(board, Math.floor(Math.random() * board.length));
    const pin = word === 0n ? undefined : blocks.pin(unpacked(word));
    if (pin !== undefined) pins.push(pin);
  }

  while (Atomics.load(gate, STOP) === 0) {
    turn();
    Atomics.add(gate, TURNS + data.index, 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  while (waiting > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  for (; open > 0; open--) connections.giveBack();
  for (; held > 0; held--) permits.giveBack();
  for (const pin of pins) blocks.unpin(pin);
  scope.postMessage("done");
};
