import assert from "node:assert/strict";
import { until } from "../net/testing/until.ts";
import type { Order, Tally } from "./testing/crowd_worker.ts";
import { newMemory } from "./layout.ts";
import { queue } from "./queue.ts";

const WORKERS = 4;

/** Runs real workers on one limit of `max` permits; returns their outcomes and the most in flight. */
async function crowd(
  max: number,
  order: Pick<Order, "maxQueue" | "clients" | "rounds" | "leaveEvery">,
): Promise<Tally & { most: number; left: { inFlight: number; waiting: number } }> {
  // One index more than there are workers: the test's own, which only looks.
  const workers = WORKERS + 1;
  const zone = newMemory(queue, { maxQueue: order.maxQueue }, workers);
  const gate = new SharedArrayBuffer(16);
  const words = new Int32Array(gate);
  queue.apply?.(zone, { maxInFlight: max }, { threads: workers, waitUntil: 0 });
  const own = queue.open(zone, { index: WORKERS, count: workers });
  const threads = Array.from(
    { length: WORKERS },
    () => new Worker(new URL("./testing/crowd_worker.ts", import.meta.url), { type: "module" }),
  );
  const tallies = threads.map((thread, worker) =>
    new Promise<Tally>((resolve, reject) => {
      thread.onmessage = ({ data }) => resolve(data);
      thread.onerror = reject;
      thread.postMessage({ ...order, zone, gate, worker, workers } satisfies Order);
    })
  );
  await until("all workers are ready", () => Atomics.load(words, 0) === WORKERS);
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  const sum = { granted: 0, refused: 0, aborted: 0 };
  for (const tally of await Promise.all(tallies)) {
    sum.granted += tally.granted;
    sum.refused += tally.refused;
    sum.aborted += tally.aborted;
  }
  for (const thread of threads) thread.terminate();
  return { ...sum, most: words[3], left: own.load };
}

Deno.test("a crowd of four workers is served to the last, never more than allowed at a time", async () => {
  const order = { maxQueue: 100, clients: 20, rounds: 50, leaveEvery: 0 };
  const { granted, refused, most, left } = await crowd(3, order);
  assert.deepEqual({ granted, refused }, { granted: WORKERS * 20 * 50, refused: 0 });
  assert.ok(most <= 3, `${most} in flight`);
  assert.deepEqual(left, { inFlight: 0, waiting: 0 });
});

Deno.test("a crowd of which many leave loses no permit", async () => {
  const order = { maxQueue: 100, clients: 20, rounds: 50, leaveEvery: 3 };
  const { granted, refused, aborted, most, left } = await crowd(2, order);
  assert.equal(granted + aborted, WORKERS * 20 * 50);
  assert.equal(refused, 0);
  assert.ok(most <= 2, `${most} in flight`);
  assert.deepEqual(left, { inFlight: 0, waiting: 0 });
});

Deno.test("a crowd larger than the queue is refused in part and leaves nothing behind", async () => {
  const order = { maxQueue: 5, clients: 20, rounds: 20, leaveEvery: 0 };
  const { granted, refused, most, left } = await crowd(2, order);
  assert.equal(granted + refused, WORKERS * 20 * 20);
  assert.ok(refused > 0);
  assert.ok(most <= 2, `${most} in flight`);
  assert.deepEqual(left, { inFlight: 0, waiting: 0 });
});
