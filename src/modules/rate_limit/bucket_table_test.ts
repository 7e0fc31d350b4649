import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "../../net/ip.ts";
import { newMemory } from "../../zones/layout.ts";
import { BucketTable, bucketTable } from "./bucket_table.ts";

const SECOND = 1e9;
const words = new Uint32Array(4);

function table(maxEntries: number, ttlSecs = 300): BucketTable {
  const memory = newMemory(bucketTable, { maxEntries }, 1);
  bucketTable.apply?.(memory, { maxEntries, ttlSecs }, { threads: 1, waitUntil: 0 });
  return new BucketTable(bucketTable.open(memory, { index: 0, count: 1 }));
}

function add(buckets: BucketTable, address: string, now: number): number {
  return buckets.findOrAdd(parseIp(address, words), words, now);
}

Deno.test("a new bucket gives its burst and then what time gives back", () => {
  const buckets = table(10);
  const cost = SECOND / 5;
  const slot = add(buckets, "192.0.2.1", SECOND);
  for (let i = 0; i < 3; i++) assert.ok(buckets.take(slot, SECOND, cost, 3 * cost) > 0);
  assert.equal(buckets.take(slot, SECOND, cost, 3 * cost), -cost);
  assert.ok(buckets.take(slot, SECOND + cost, cost, 3 * cost) > 0);
  assert.ok(buckets.take(slot, SECOND + cost, cost, 3 * cost) < 0);
});

Deno.test("a bucket never holds more than its burst", () => {
  const buckets = table(10);
  const cost = SECOND / 5;
  const slot = add(buckets, "192.0.2.1", SECOND);
  let taken = 0;
  while (buckets.take(slot, 1000 * SECOND, cost, 3 * cost) > 0) taken++;
  assert.equal(taken, 3);
});

Deno.test("a burst is given in full whatever the rate", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.integer({ min: 1, max: 2000 }),
    (rate, burst) => {
      const buckets = table(1);
      const cost = Math.round(SECOND / rate);
      const slot = add(buckets, "192.0.2.1", SECOND);
      let taken = 0;
      while (taken <= burst && buckets.take(slot, SECOND, cost, burst * cost) > 0) taken++;
      return taken === burst;
    },
  ));
});

Deno.test("a debt left by a larger burst is cut down to the present one", () => {
  const buckets = table(1);
  const slot = add(buckets, "192.0.2.1", SECOND);
  buckets.take(slot, SECOND, 1000 * SECOND, 1000 * SECOND);
  const cost = SECOND / 10;
  assert.equal(buckets.take(slot, SECOND, cost, 5 * cost), -cost);
  assert.ok(buckets.take(slot, SECOND + cost, cost, 5 * cost) > 0);
});

Deno.test("each address has a bucket of its own", () => {
  const buckets = table(1000);
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) {
    seen.add(add(buckets, `198.51.100.${i}`, SECOND));
    seen.add(add(buckets, `2001:db8::${i.toString(16)}`, SECOND));
  }
  assert.equal(seen.size, 400);
  assert.equal(buckets.size, 400);
  assert.equal(add(buckets, "2001:db8:0::0:7", SECOND), add(buckets, "2001:db8::7", SECOND));
});

Deno.test("all unknown addresses share one bucket, and no known one does", () => {
  const buckets = table(10);
  const unknown = add(buckets, "", SECOND);
  assert.equal(add(buckets, "nonsense", SECOND), unknown);
  assert.notEqual(add(buckets, "0.0.0.0", SECOND), unknown);
  assert.notEqual(add(buckets, "::", SECOND), unknown);
});

Deno.test("a full table takes no new address and keeps serving the ones it has", () => {
  const buckets = table(100);
  for (let i = 0; i < 100; i++) assert.ok(add(buckets, `192.0.2.${i}`, SECOND) >= 0);
  assert.equal(add(buckets, "192.0.2.200", SECOND), -1);
  assert.equal(buckets.size, 100);
  assert.ok(add(buckets, "192.0.2.50", SECOND) >= 0);
});

Deno.test("a full table forgets the addresses that were silent for longer than entry_ttl_secs", () => {
  const buckets = table(100, 60);
  for (let i = 0; i < 100; i++) add(buckets, `192.0.2.${i}`, SECOND);
  assert.equal(add(buckets, "198.51.100.1", 61 * SECOND), -1);
  assert.ok(add(buckets, "198.51.100.1", 62 * SECOND) >= 0);
});

Deno.test("an address that comes back after it was forgotten starts with a full bucket", () => {
  const buckets = table(1, 60);
  const slow = 1000 * SECOND;
  buckets.take(add(buckets, "192.0.2.1", SECOND), SECOND, slow, slow);
  add(buckets, "192.0.2.2", 100 * SECOND);
  const slot = add(buckets, "192.0.2.1", 200 * SECOND);
  assert.equal(buckets.debt(slot, 200 * SECOND), 0);
});

Deno.test("a table that has seen far more addresses than it holds still finds each", () => {
  const buckets = table(64, 1);
  for (let round = 0; round < 200; round++) {
    const now = (round * 10 + 1) * SECOND;
    for (let i = 0; i < 64; i++) {
      assert.ok(add(buckets, `10.${round}.0.${i}`, now) >= 0, `round ${round}, entry ${i}`);
    }
    assert.equal(buckets.size, 64);
  }
});

Deno.test("a table keeps its entries apart as a map would, whatever comes", () => {
  const address = fc.oneof(
    fc.integer({ min: 0, max: 40 }).map((n) => `192.0.2.${n}`),
    fc.integer({ min: 0, max: 40 }).map((n) => `2001:db8::${n.toString(16)}`),
  );
  fc.assert(fc.property(fc.array(address, { maxLength: 300 }), (addresses) => {
    const buckets = table(50);
    const slots = new Map<string, number>();
    for (const one of addresses) {
      const slot = add(buckets, one, SECOND);
      const known = slots.get(one);
      if (known !== undefined) assert.equal(slot, known);
      else if (slots.size < 50) slots.set(one, slot);
      else assert.equal(slot, -1);
    }
    assert.equal(new Set(slots.values()).size, slots.size);
  }));
});

Deno.test("an address in the first slot is known like any other, also in a full table", () => {
  const found = new Set<number>();
  // Where an address stands differs from table to table.
  for (let i = 0; i < 2000 && !found.has(0); i++) {
    const buckets = table(1);
    const slot = add(buckets, "192.0.2.1", SECOND);
    assert.equal(add(buckets, "192.0.2.1", SECOND), slot);
    assert.equal(add(buckets, "192.0.2.2", SECOND), -1, "it is full");
    found.add(slot);
  }
  assert.ok(found.has(0));
});
