import assert from "node:assert/strict";
import { BodyError } from "../../../http/body.ts";
import { ObjectBody } from "../answer/object_body.ts";
import { begin, keyOf, pattern, put, Stores } from "../testing/stores.ts";
import { MAX_VARIANTS, UNVARIED, varianceHash } from "./index.ts";
import type { MemoryStore } from "./memory.ts";
import { LENGTH } from "./slot_words.ts";

const MIB = 1024 * 1024;

function wakefulness(): Disposable {
  const timer = setInterval(() => {}, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function read(store: MemoryStore, path: string): Uint8Array | undefined {
  const held = store.index.find(keyOf(store, path), undefined);
  if (held === undefined) return undefined;
  store.index.touch(held.slot);
  const length = store.index.float(held.slot, LENGTH);
  const body = new ObjectBody(store, held, 0, length);
  const whole = new Uint8Array(length);
  let at = 0;
  for (;;) {
    const count = body.read(whole.subarray(at, at + 10_000));
    if (count === null) return whole;
    assert.ok(typeof count === "number");
    at += count;
  }
}

Deno.test("what one thread stores another one reads, whatever its size", () => {
  const stores = new Stores(8 * MIB);
  const [one, other] = [stores.open(0), stores.open(1)];
  for (const length of [0, 1, 900, 5_000, 16_384, 33_000, 65_536, 70_000, 1_000_000]) {
    const body = pattern(length, length);
    assert.ok(put(one, `/${length}`, body));
    assert.deepEqual(read(other, `/${length}`), body);
  }
  assert.equal(read(other, "/none"), undefined);
});

Deno.test("what is purged gives all its memory back, and one object as large as the budget allows fits", () => {
  const stores = new Stores(4 * MIB);
  const store = stores.open(0);
  for (let i = 0; i < 50; i++) put(store, `/${i}`, pattern(1000 * i, i));
  for (let i = 0; i < 50; i++) {
    const held = store.index.find(keyOf(store, `/${i}`), undefined);
    assert.ok(held !== undefined);
    store.index.remove(held.slot, held.generation);
    store.index.release(held);
  }
  assert.equal(store.taken, 0);
  assert.ok(put(store, "/large", pattern(4 * MIB - 64 * 1024, 1)));
  assert.equal(put(store, "/too-large", pattern(5 * MIB, 1)), false);
});

Deno.test("the memory of all objects stays within the budget, and what was used stays longest", () => {
  const stores = new Stores(1 * MIB);
  const store = stores.open(0);
  put(store, "/hot", pattern(10_000, 7));
  for (let i = 0; i < 500; i++) {
    assert.deepEqual(read(store, "/hot"), pattern(10_000, 7));
    assert.ok(put(store, `/${i}`, pattern(20_000, i)));
    assert.ok(store.taken <= MIB);
  }
  assert.ok(store.index.activity().evictions > 400);
});

Deno.test("an object that is evicted or replaced is read to its end", () => {
  const stores = new Stores(1 * MIB);
  const [writer, reader] = [stores.open(0), stores.open(1)];
  const first = pattern(300_000, 1);
  put(writer, "/a", first);
  const held = reader.index.find(keyOf(reader, "/a"), undefined);
  assert.ok(held !== undefined);
  const body = new ObjectBody(reader, held, 0, first.length);
  const piece = new Uint8Array(1000);
  assert.equal(body.read(piece), 1000);
  put(writer, "/a", pattern(300_000, 2));
  for (let i = 0; i < 100; i++) put(writer, `/${i}`, pattern(50_000, i));
  assert.equal(reader.index.find(keyOf(reader, "/a"), undefined)?.slot === held.slot, false);
  const rest = new Uint8Array(first.length - 1000);
  for (let at = 0; at < rest.length;) at += body.read(rest.subarray(at)) as number;
  assert.deepEqual(rest, first.subarray(1000));
  assert.equal(body.read(piece), null);
});

Deno.test("a piece that is being written stays as it is when its reader goes", () => {
  const stores = new Stores(1 * MIB);
  const store = stores.open(0);
  const bytes = pattern(200_000, 3);
  put(store, "/a", bytes);
  const held = store.index.find(keyOf(store, "/a"), undefined);
  assert.ok(held !== undefined);
  const body = new ObjectBody(store, held, 0, bytes.length);
  const lent = body.lend();
  assert.ok(lent !== undefined);
  body.cancel();
  for (let i = 0; i < 100; i++) put(store, `/${i}`, pattern(60_000, i));
  assert.deepEqual(new Uint8Array(lent), bytes.subarray(0, lent.length));
  body.giveBack();
  assert.ok(held.isReleased);
});

Deno.test("readers follow a fill, and one that breaks off breaks theirs off", async () => {
  // Waiting for shared memory keeps no event loop alive.
  using _ = wakefulness();
  const stores = new Stores(1 * MIB);
  const [writer, reader] = [stores.open(0), stores.open(1)];
  for (const ends of [true, false]) {
    const path = `/${ends}`;
    const { held, fill } = begin(writer, path, 100_000);
    assert.ok(fill !== undefined);
    const found = reader.index.find(keyOf(reader, path), UNVARIED);
    assert.ok(found !== undefined);
    const body = new ObjectBody(reader, found, 0, 100_000);
    const piece = new Uint8Array(60_000);
    const waiting = body.read(piece);
    assert.ok(waiting instanceof Promise);
    fill.write(pattern(50_000, 1));
    assert.equal(await waiting, 50_000);
    const last = body.read(piece);
    if (ends) {
      fill.write(pattern(50_000, 1));
      let count = await last ?? 0;
      assert.ok(fill.complete(keyOf(writer, path)));
      while (count < 50_000) count += await body.read(piece) ?? Infinity;
      assert.equal(count, 50_000);
      assert.equal(await body.read(piece), null);
    } else {
      fill.abandon(0);
      await assert.rejects(async () => await last, BodyError);
      body.cancel();
    }
    writer.index.release(held);
  }
});

Deno.test("a purge while an object is being filled keeps it from being stored", () => {
  const stores = new Stores(1 * MIB);
  const [writer, purger] = [stores.open(0), stores.open(1)];
  const { held, fill } = begin(writer, "/a", 10);
  assert.ok(fill !== undefined);
  purger.index.doom(held.slot, held.generation);
  fill.write(pattern(10, 1));
  assert.equal(fill.complete(keyOf(writer, "/a")), false);
  fill.abandon(0);
  writer.index.release(held);
  assert.equal(read(writer, "/a"), undefined);
  assert.equal(writer.taken, 0);
});

Deno.test("what a lost thread was filling and reading comes back, and its claim is free at once", () => {
  const stores = new Stores(1 * MIB);
  const lost = stores.open(1);
  const store = stores.open(0);
  put(store, "/read", pattern(100_000, 1));
  assert.ok(lost.index.find(keyOf(lost, "/read"), undefined) !== undefined);
  const { fill } = begin(lost, "/filled", 200_000);
  fill?.write(pattern(100_000, 1));
  assert.ok(lost.index.claim(keyOf(lost, "/asked"), UNVARIED, 30_000, Date.now())?.isOwn);
  stores.lose(1);
  for (const path of ["/filled", "/asked"]) {
    const claim = store.index.claim(keyOf(store, path), UNVARIED, 30_000, Date.now());
    assert.ok(claim?.isOwn, path);
    store.index.remove(claim.held.slot, claim.held.generation);
    store.index.release(claim.held);
  }
  const held = store.index.find(keyOf(store, "/read"), undefined);
  assert.ok(held !== undefined);
  assert.equal(store.index.readers(held.slot), 0, "only this thread and the index hold it");
  store.index.remove(held.slot, held.generation);
  store.index.release(held);
  store.index.sweep();
  assert.equal(store.taken, 0);
});

Deno.test("a key has a bounded number of variants", () => {
  const stores = new Stores(4 * MIB);
  const store = stores.open(0);
  const key = keyOf(store, "/a");
  for (let i = 0; i < MAX_VARIANTS + 20; i++) {
    const variance = varianceHash(pattern(32, i));
    const claim = store.index.claim(key, variance, 30_000, Date.now());
    assert.ok(claim?.isOwn);
    const meta = { ...META, vary: ["accept-language"] };
    const fill = store.begin(claim.held, meta, TIMES, variance, 3);
    fill?.write(pattern(3, i));
    assert.ok(fill?.complete(key));
    store.index.release(claim.held);
  }
  assert.equal([...store.index.slotsOf(key)].length, MAX_VARIANTS);
});

Deno.test("a body of unknown length that turns out too large evicts only a small part of the others", () => {
  const stores = new Stores(8 * MIB);
  const store = stores.open(0);
  for (let i = 0; i < 100; i++) put(store, `/${i}`, pattern(60_000, i));
  const before = [...Array(100).keys()].filter((i) => read(store, `/${i}`) !== undefined).length;
  for (let round = 0; round < 20; round++) {
    const { held, fill } = begin(store, `/long-${round}`, undefined);
    while (fill?.write(pattern(60_000, 1))) { /* until there is no room */ }
    fill?.abandon(0);
    store.index.release(held);
  }
  const after = [...Array(100).keys()].filter((i) => read(store, `/${i}`) !== undefined).length;
  assert.ok(after >= before * 0.9, `${after} of ${before} are left`);
});

const TIMES = { datedMs: 0, expiresMs: Infinity, whileRevalidateMs: 0, ifErrorMs: 0 };
const META = {
  status: 200,
  names: [],
  values: [],
  loose: "/a",
  scheme: "http",
  port: "80",
  path: "/a",
  tags: [],
  vary: [],
  variance: "",
  part: "",
  version: "",
  lifetimeSecs: 60,
};
