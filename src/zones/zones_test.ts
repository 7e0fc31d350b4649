import assert from "node:assert/strict";
import { type Layout, zone, type ZoneRequest } from "./layout.ts";
import { ZoneRegistry } from "./registry.ts";
import { Zones, type ZonesByName } from "./zones.ts";

const THREADS = 2;

/** Cells of a test's own; `settings` go into the first, a reclaimed index into the second. */
function cellsOf(options: Partial<Layout<Int32Array, number, number>> = {}) {
  const layout: Layout<Int32Array, number, number> = {
    kind: "cells",
    parts: "shared",
    bytes: (cells) => 4 * cells,
    open: (memory) => new Int32Array(memory),
    apply: (memory, settings) => void (new Int32Array(memory)[0] = settings),
    reclaim: (memory, { index }) => void (new Int32Array(memory)[1] = index),
    ...options,
  };
  return layout;
}

const fixed = cellsOf();

function request(size: number, layout = fixed, settings = 0): ZoneRequest {
  return zone(layout, { name: "table", size, settings, roles: ["edge"] });
}

function first(size: number, layout = fixed): ZoneRegistry {
  return new ZoneRegistry(THREADS, [request(size, layout)]);
}

const buffer = (registry: ZoneRegistry, index = 0) =>
  registry.sentTo("edge", index).get("table")?.buffer;

/** What arrives in a thread: other objects for the same memories. */
function sent(registry: ZoneRegistry): Promise<ZonesByName> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port2.onmessage = ({ data }) => {
      resolve(data);
      port1.close();
      port2.close();
    };
    port1.postMessage(registry.sentTo("edge", 0));
  });
}

async function threadOf(registry: ZoneRegistry): Promise<Zones> {
  return new Zones(await sent(registry), { index: 0, count: THREADS });
}

Deno.test("a zone of the same name and size stays the same memory", () => {
  const registry = first(8);
  assert.equal(buffer(registry.next([request(8)])), buffer(registry));
});

Deno.test("a zone of another size or kind is a new memory, and the configuration before keeps its own", () => {
  const registry = first(16);
  const before = buffer(registry);
  for (const size of [8, 24]) {
    assert.equal(buffer(registry.next([request(size)]))?.byteLength, 4 * size);
  }
  assert.notEqual(buffer(registry.next([request(16, cellsOf())])), before);
  assert.equal(buffer(registry), before);
});

Deno.test("a kind that can live in a larger memory keeps it, and gets a new one to grow", () => {
  const growing = cellsOf({ mayBeLarger: true });
  const registry = first(16, growing);
  assert.equal(buffer(registry.next([request(8, growing)])), buffer(registry));
  assert.equal(buffer(registry.next([request(24, growing)]))?.byteLength, 96);
});

Deno.test("a zone that is not asked for any more is there when it is asked for again", () => {
  const registry = first(8);
  assert.equal(buffer(registry.next([]).next([request(8)])), buffer(registry));
});

Deno.test("a thread gets the zones of its role, and what was not requested cannot be opened", async () => {
  const registry = first(8);
  assert.equal(registry.sentTo("control", 0).size, 0);
  const thread = await threadOf(registry);
  assert.throws(() => thread.open(fixed, "other"), /zone other was not requested/);
  thread.open(fixed, "table");
  assert.throws(() => thread.open(cellsOf({ kind: "rows" }), "table"), /is a cells, not a rows/);
});

Deno.test("settings hold in a new memory at once, in one that is there when they are adopted", () => {
  const registry = new ZoneRegistry(THREADS, [request(8, fixed, 5)]);
  const next = registry.next([request(8, fixed, 7)]);
  const words = new Int32Array(buffer(next) ?? new SharedArrayBuffer(0));
  assert.equal(words[0], 5);
  assert.deepEqual(next.apply(), []);
  assert.equal(words[0], 7);
});

Deno.test("what a lost thread held comes back in every memory that it may have seen", () => {
  const registry = first(8);
  const later = registry.next([request(16)]);
  assert.deepEqual(ZoneRegistry.reclaim([later, registry], 1), []);
  for (const each of [registry, later]) {
    assert.equal(new Int32Array(buffer(each) ?? new SharedArrayBuffer(0))[1], 1);
  }
});

Deno.test("a memory that is not in order is reported and does not keep the others from it", () => {
  const broken = cellsOf({
    reclaim() {
      throw new Error("a queue without an end");
    },
  });
  const registry = new ZoneRegistry(THREADS, [
    zone(broken, { name: "broken", size: 8, settings: 0, roles: ["edge"] }),
    request(8),
  ]);
  assert.deepEqual(ZoneRegistry.reclaim([registry], 1), [
    { zone: "broken", reason: "a queue without an end" },
  ]);
  assert.equal(new Int32Array(buffer(registry) ?? new SharedArrayBuffer(0))[1], 1);
});

Deno.test("a thread has memory of its own where its kind says so, and a successor another one", () => {
  const own = cellsOf({ parts: "perThread" });
  const registry = first(8, own);
  const mine = buffer(registry, 0);
  assert.notEqual(buffer(registry, 1), mine);
  const later = registry.next([request(8, own)]);
  assert.equal(buffer(later, 0), mine);
  assert.deepEqual([...later.partsOf("table").keys()], [0, 1]);
  ZoneRegistry.reclaim([later, registry], 0);
  assert.deepEqual([...later.partsOf("table").keys()], [1]);
  assert.notEqual(buffer(later, 0), mine);
});

Deno.test("a thread keeps its object for a memory however often it is sent", async () => {
  const keeper = first(8);
  const thread = await threadOf(keeper);
  const cells = thread.open(fixed, "table");
  for (let snapshot = 0; snapshot < 3; snapshot++) {
    thread.adopt(await sent(keeper.next([request(8)])));
    assert.equal(thread.open(fixed, "table"), cells);
    thread.commit();
  }
  Atomics.store(new Int32Array(buffer(keeper) ?? new SharedArrayBuffer(0)), 0, 7);
  assert.equal(cells[0], 7);
});

Deno.test("a thread takes a new memory of the same name and size for what it is", async () => {
  const keeper = first(8);
  const thread = await threadOf(keeper);
  const cells = thread.open(fixed, "table");
  thread.adopt(await sent(keeper.next([request(16)]).next([request(8)])));
  assert.notEqual(thread.open(fixed, "table"), cells);
});

Deno.test("a discarded snapshot leaves a thread the zones it serves with", async () => {
  const keeper = first(8);
  const thread = await threadOf(keeper);
  const cells = thread.open(fixed, "table");
  thread.adopt(await sent(keeper.next([request(16)])));
  const discarded = thread.open(fixed, "table");
  assert.equal(discarded.length, 16);
  thread.discard();
  assert.equal(thread.open(fixed, "table"), cells);
  thread.adopt(await sent(keeper.next([request(16)])));
  assert.notEqual(thread.open(fixed, "table"), discarded);
});

Deno.test("a memory that an earlier snapshot still holds is the same object when it is asked for again", async () => {
  const keeper = first(8);
  const thread = await threadOf(keeper);
  const cells = thread.open(fixed, "table");
  const without = keeper.next([]);
  thread.adopt(await sent(without));
  thread.commit();
  thread.adopt(await sent(without.next([request(8)])));
  thread.commit();
  assert.equal(thread.open(fixed, "table"), cells);
});
