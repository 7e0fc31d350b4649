import assert from "node:assert/strict";
import { until } from "../net/testing/until.ts";
import { BucketTable, bucketTable } from "../modules/rate_limit/bucket_table.ts";
import { newMemory } from "./layout.ts";
import type { Order, Tally } from "./testing/table_hammer_worker.ts";

/** Lets `count` real workers loose on one table at the same moment and adds up what they were allowed. */
async function hammer(
  count: number,
  order: Omit<Order, "table" | "gate">,
): Promise<Tally & { size: number }> {
  const { maxEntries } = order;
  const table = newMemory(bucketTable, { maxEntries }, count);
  const call = { threads: count, waitUntil: 0 };
  bucketTable.apply?.(table, { maxEntries, ttlSecs: 1 }, call);
  const gate = new SharedArrayBuffer(12);
  const words = new Int32Array(gate);
  const workers = Array.from(
    { length: count },
    () =>
      new Worker(new URL("./testing/table_hammer_worker.ts", import.meta.url), { type: "module" }),
  );
  const tallies = workers.map((worker) =>
    new Promise<Tally>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
      worker.postMessage({ ...order, table, gate } satisfies Order);
    })
  );
  await until("all workers are ready", () => Atomics.load(words, 0) === count);
  Atomics.store(words, 1, 1);
  Atomics.notify(words, 1);
  const sum = { allowed: 0, overflowed: 0 };
  for (const tally of await Promise.all(tallies)) {
    sum.allowed += tally.allowed;
    sum.overflowed += tally.overflowed;
  }
  for (const worker of workers) worker.terminate();
  return { ...sum, size: new BucketTable(bucketTable.open(table, { index: 0, count })).size };
}

Deno.test("four workers that race for one bucket are allowed exactly its burst", async () => {
  const cost = 1e6;
  const { allowed } = await hammer(4, {
    maxEntries: 10,
    requests: 10_000,
    addresses: 1,
    stepNs: 0,
    cost,
    limit: 1234 * cost,
  });
  assert.equal(allowed, 1234);
});

Deno.test("10,000 requests to four workers in ten seconds are allowed burst and rate to one percent", async () => {
  const cost = 1e7;
  const { allowed } = await hammer(4, {
    maxEntries: 10,
    requests: 10_000,
    addresses: 1,
    stepNs: 1e6,
    cost,
    limit: 50 * cost,
  });
  const expected = 50 + 1000;
  assert.ok(Math.abs(allowed - expected) <= expected / 100, `${allowed}, not ${expected}`);
});

Deno.test("workers that insert the same new addresses at once make one bucket for each", async () => {
  const cost = 1e9;
  const { allowed, overflowed, size } = await hammer(4, {
    // Workers that insert one address at once each reserve room for it until one has won.
    maxEntries: 5004,
    requests: 20_000,
    addresses: 5000,
    stepNs: 0,
    cost,
    limit: 2 * cost,
  });
  assert.deepEqual({ allowed, overflowed, size }, { allowed: 10_000, overflowed: 0, size: 5000 });
});

Deno.test("workers that insert one address at once make one bucket", async () => {
  for (let round = 0; round < 20; round++) {
    const { size } = await hammer(4, {
      maxEntries: 100,
      requests: 40,
      addresses: 1,
      stepNs: 0,
      cost: 1,
      limit: 1000,
    });
    assert.equal(size, 1);
  }
});

Deno.test("workers that race for the last room of a table never overfill it", async () => {
  const cost = 1e9;
  const { allowed, size } = await hammer(4, {
    maxEntries: 300,
    requests: 12_000,
    addresses: 3000,
    stepNs: 0,
    cost,
    limit: cost,
  });
  assert.deepEqual({ allowed, size }, { allowed: 300, size: 300 });
});

Deno.test("workers that keep expiring each other's entries lose or give away at most one percent", async () => {
  const { allowed, size } = await hammer(4, {
    maxEntries: 1000,
    requests: 60_000,
    // More than fit: each address returns after 6 s and has to push out one that is 3 s older.
    addresses: 2000,
    stepNs: 3e6,
    cost: 1e12,
    limit: 1e12,
  });
  assert.ok(size <= 1000, `${size} entries`);
  assert.ok(allowed >= 60_000 * 0.99, `${allowed} allowed`);
});
