/** Shared memory whose threads are ended at random: what they held comes back, exactly. */
import assert from "node:assert/strict";
import { until } from "../net/testing/until.ts";
import { arena } from "./arena/arena.ts";
import { count } from "./count.ts";
import { type Layout, newMemory } from "./layout.ts";
import { queue } from "./queue.ts";
import { FAULTS, MAX_COUNT, type Order, STOP, TURNS, unpacked } from "./testing/lost_worker.ts";

const WORKERS = 4;
/** One more than there are workers: the test's own. */
const THREADS = WORKERS + 1;
const ROUNDS = 6;
const TURNS_A_ROUND = 20;
const ARENA_BYTES = 4 * 1024 * 1024;
const BUDGET = 2 * 1024 * 1024;
const MAX_IN_FLIGHT = 6;

const call = () => ({ threads: THREADS, waitUntil: performance.now() + 1000 });

/** How many worker threads the process has: one that is ended goes on until its turn is over. */
function workerThreads(): number {
  let threads = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const comm = Deno.readTextFileSync(`/proc/self/task/${name}/comm`);
      if (comm.startsWith("worker-")) threads++;
    } catch {
      // It has ended meanwhile.
    }
  }
  return threads;
}

Deno.test("what threads held that were ended at random comes back, to the last byte", async () => {
  const memories = {
    count: newMemory(count, undefined, THREADS),
    queue: newMemory(queue, { maxQueue: 64 }, THREADS),
    arena: newMemory(arena, { bytes: ARENA_BYTES }, THREADS),
    board: new SharedArrayBuffer(8 * 32),
    gate: new SharedArrayBuffer(4 * (TURNS + WORKERS)),
  };
  const gate = new Int32Array(memories.gate);
  queue.apply?.(memories.queue, { maxInFlight: MAX_IN_FLIGHT }, call());
  arena.apply?.(memories.arena, { budgets: [BUDGET] }, call());
  const own = { index: WORKERS, count: THREADS };
  const connections = count.open(memories.count, own);
  const permits = queue.open(memories.queue, own);
  const blocks = arena.open(memories.arena, own);

  const done = new Map<number, Promise<unknown>>();
  const workers = new Map<number, Worker>();
  const start = (index: number) => {
    const url = new URL("./testing/lost_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module" });
    worker.postMessage({ index, threads: THREADS, ...memories } satisfies Order);
    done.set(index, new Promise((resolve) => worker.onmessage = resolve));
    workers.set(index, worker);
  };
  const others = workerThreads();
  for (let index = 0; index < WORKERS; index++) start(index);

  for (let round = 0; round < ROUNDS; round++) {
    const turns = Array.from({ length: WORKERS }, (_, index) => gate[TURNS + index]);
    await until(
      "all threads have worked",
      () => turns.every((seen, i) => gate[TURNS + i] >= seen + TURNS_A_ROUND),
    );
    const victims = [round % WORKERS, (round + 1) % WORKERS];
    for (const index of victims) workers.get(index)?.terminate();
    await until(
      "the victims have ended",
      () => workerThreads() === others + WORKERS - victims.length,
    );
    for (const index of victims) {
      const lost = { index, count: THREADS };
      const reclaim = <T, S, A>(layout: Layout<T, S, A>, memory: SharedArrayBuffer) =>
        layout.reclaim?.(memory, lost, call());
      reclaim(count, memories.count);
      reclaim(queue, memories.queue);
      reclaim(arena, memories.arena);
      start(index);
    }
    assert.ok(connections.total <= MAX_COUNT);
    assert.ok(permits.load.inFlight <= MAX_IN_FLIGHT);
    assert.ok(blocks.taken(0) <= BUDGET + WORKERS * 32 * 1024);
  }

  Atomics.store(gate, STOP, 1);
  await Promise.all(done.values());
  for (const worker of workers.values()) worker.terminate();
  for (const word of new BigInt64Array(memories.board)) {
    if (word !== 0n) blocks.drop(unpacked(word));
  }
  assert.equal(gate[FAULTS], 0);
  assert.equal(connections.total, 0);
  assert.deepEqual(permits.load, { inFlight: 0, waiting: 0 });
  assert.equal(blocks.taken(0), 0);
  let taken = 0;
  arena.apply?.(memories.arena, { budgets: [2 * ARENA_BYTES] }, call());
  while (blocks.take(64 * 1024, 0) !== undefined) taken++;
  assert.equal(taken, ARENA_BYTES / (64 * 1024));
});
