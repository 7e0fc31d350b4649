import assert from "node:assert/strict";
import { newMemory } from "./layout.ts";
import { sharedTime } from "./shared_time.ts";
import { type Table, tableOf } from "./table.ts";
import { cutShort, type Kind } from "./testing/cut_short.ts";

const pairs = tableOf(2);
const own = { index: 0, count: 1 };
const call = { threads: 1, waitUntil: 0 };
const words = new Uint32Array(4);

function newTable(maxEntries: number, ttlSecs = 60): { memory: SharedArrayBuffer; table: Table } {
  const memory = newMemory(pairs, { maxEntries }, 1);
  pairs.apply?.(memory, { maxEntries, ttlSecs }, call);
  return { memory, table: pairs.open(memory, own) };
}

function slotOf(table: Table, key: number, nowSecs: number): number {
  words.fill(key);
  table.useHashedKey(words, 4);
  const found = table.find();
  return found >= 0 ? found : table.add(nowSecs);
}

Deno.test("values of several words belong to their key, and are zero for the next one", () => {
  const { table } = newTable(2);
  for (const key of [1, 2]) {
    const at = table.valueOf(slotOf(table, key, 10));
    table.longs[at] = BigInt(key);
    table.longs[at + 1] = BigInt(-key);
  }
  assert.equal(slotOf(table, 3, 70), -1, "nothing is old enough");
  for (const key of [1, 2]) {
    const at = table.valueOf(slotOf(table, key, 10));
    assert.deepEqual([table.longs[at], table.longs[at + 1]], [BigInt(key), BigInt(-key)]);
  }
  const at = table.valueOf(slotOf(table, 3, 71));
  assert.deepEqual([table.longs[at], table.longs[at + 1]], [0n, 0n]);
});

Deno.test("an exact key is no hashed key, and tags keep exact keys apart", () => {
  const { table } = newTable(10);
  const slots = new Set([slotOf(table, 7, 1)]);
  for (const tag of [1, 2]) {
    table.useExactKey(7, tag);
    slots.add(table.add(1));
  }
  assert.equal(slots.size, 3);
  assert.equal(table.size, 3);
});

Deno.test("a key whose second half is never written is not found, and waited for no longer than a moment", () => {
  const { memory, table } = newTable(10);
  const slot = slotOf(table, 7, 1);
  // The second half of a key is before its last use and its values.
  new BigInt64Array(memory)[table.valueOf(slot) - 2] = 0n;
  words.fill(7);
  table.useHashedKey(words, 4);
  assert.equal(table.find(), -1);
});

Deno.test("other settings hold in a table that is there", () => {
  const { memory, table } = newTable(4);
  for (const key of [1, 2]) assert.ok(slotOf(table, key, 1) >= 0);
  pairs.apply?.(memory, { maxEntries: 2, ttlSecs: 1000 }, call);
  assert.equal(slotOf(table, 3, 500), -1);
  assert.equal(table.maxEntries, 2);
});

const LOST = { index: 1, count: 2 };

/** Two entries of a table for two, and a thread that makes a third at `nowSecs`, cut short. */
function cutInsertion(kind: Kind, step: number, nowSecs: number) {
  const { memory, table } = newTable(2);
  for (const key of [1, 2]) table.longs[table.valueOf(slotOf(table, key, 1))] = 7n;
  const lost = pairs.open(memory, LOST);
  const wasCut = cutShort(kind, step, () => slotOf(lost, 3, nowSecs));
  return { memory, table, wasCut };
}

for (const nowSecs of [2, 100]) {
  const what = nowSecs === 2 ? "a full table" : "a table of expired entries";
  Deno.test(`a thread that is lost at any step of an insertion into ${what} takes no room along`, () => {
    for (let step = 1, wasCut = true; wasCut; step++) {
      for (let failing = 1, failed = true; failed; failing++) {
        const cut = cutInsertion("lost", step, nowSecs);
        ({ wasCut } = cut);
        const { memory, table } = cut;
        failed = cutShort("error", failing, () => pairs.reclaim?.(memory, LOST, call));
        pairs.reclaim?.(memory, LOST, call);
        const name = `step ${step}, then ${failing}`;
        // Everything there ages out, and then the table holds two entries again.
        const slots = [11, 12].map((key) => slotOf(table, key, 1000));
        assert.ok(slots.every((slot) => slot >= 0), name);
        for (const slot of slots) assert.equal(table.longs[table.valueOf(slot)], 0n, name);
        assert.equal(slotOf(table, 13, 1000), -1, name);
        assert.equal(table.size, 2, name);
        const words = new Int32Array(memory);
        const closing = [...words.keys()].filter((at) =>
          at >= 16 && (at - 16) % 10 === 0 && words[at + 1] === 0 && words[at] > 1
        );
        assert.deepEqual(closing, [], name);
      }
    }
  });
}

Deno.test("a table and a clock full of garbage cost a thread wrong answers and no more", () => {
  for (let round = 0; round < 30; round++) {
    const { memory, table } = newTable(100);
    const all = new Int32Array(memory);
    const most = [3, 2 ** 32][round % 2];
    for (let at = 0; at < all.length; at++) all[at] = Math.random() * most;
    pairs.reclaim?.(memory, LOST, call);
    for (let key = 0; key < 300; key++) {
      const slot = slotOf(table, key, key);
      if (slot < 0) continue;
      table.touch(slot, key);
      assert.ok(table.valueOf(slot) + 1 < table.longs.length);
    }
    const clock = newMemory(sharedTime, undefined, 1);
    const time = sharedTime.open(clock, own);
    for (const latest of [-1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      new BigInt64Array(clock)[0] = latest;
      assert.ok(Number.isFinite(time.now()));
    }
  }
});
