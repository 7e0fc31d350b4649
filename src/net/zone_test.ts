import assert from "node:assert/strict";
import { Zones, type ZonesByName } from "./zone.ts";

/** What arrives in a worker: other objects for the same memories. */
function sent({ all }: Zones): Promise<ZonesByName> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port2.onmessage = ({ data }) => {
      resolve(data);
      port1.close();
      port2.close();
    };
    port1.postMessage(all);
  });
}

/** The zones of the snapshot after `before`. */
function next(before: Zones, bytes: number, mayBeLarger?: boolean): Zones {
  const zones = new Zones(before.all);
  zones.prepare([{ name: "table", bytes, ...(mayBeLarger === undefined ? {} : { mayBeLarger }) }]);
  return zones;
}

Deno.test("a zone of the same name and size stays the same memory", () => {
  const first = next(new Zones(), 8);
  assert.equal(next(first, 8).get("table"), first.get("table"));
});

Deno.test("a zone of another size is a new memory, and the snapshot before keeps its own", () => {
  const first = next(new Zones(), 16);
  const buffer = first.get("table");
  for (const bytes of [8, 24]) assert.equal(next(first, bytes).get("table").byteLength, bytes);
  assert.equal(first.get("table"), buffer);
});

Deno.test("a table that can live in a larger memory keeps it, and gets a new one to grow", () => {
  const first = next(new Zones(), 16, true);
  assert.equal(next(first, 8, true).get("table"), first.get("table"));
  assert.equal(next(first, 24, true).get("table").byteLength, 24);
});

Deno.test("a zone that nobody asks for any more is there when it is asked for again", () => {
  const first = next(new Zones(), 8);
  const without = new Zones(first.all);
  without.prepare([]);
  assert.equal(next(without, 8).get("table"), first.get("table"));
});

Deno.test("what was not requested cannot be had", () => {
  assert.throws(() => new Zones().get("table"), /zone table was not requested/);
});

Deno.test("a worker keeps its object for a memory however often it is sent", async () => {
  const keeper = next(new Zones(), 8);
  const worker = new Zones(await sent(keeper));
  const buffer = worker.get("table");
  for (let snapshot = 0; snapshot < 3; snapshot++) {
    worker.adopt(await sent(next(keeper, 8)));
    assert.equal(worker.get("table"), buffer);
    worker.commit();
  }
  Atomics.store(new Int32Array(keeper.get("table")), 0, 7);
  assert.equal(new Int32Array(buffer)[0], 7);
});

Deno.test("a worker takes a new memory of the same name and size for what it is", async () => {
  const first = next(new Zones(), 8);
  const worker = new Zones(await sent(first));
  const buffer = worker.get("table");
  const third = next(next(first, 16), 8);
  worker.adopt(await sent(third));
  Atomics.store(new Int32Array(third.get("table")), 0, 7);
  assert.notEqual(worker.get("table"), buffer);
  assert.equal(new Int32Array(worker.get("table"))[0], 7);
});

Deno.test("a discarded snapshot leaves a worker the zones it serves with", async () => {
  const keeper = next(new Zones(), 8);
  const worker = new Zones(await sent(keeper));
  const buffer = worker.get("table");
  worker.adopt(await sent(next(keeper, 16)));
  assert.equal(worker.get("table").byteLength, 16);
  worker.discard();
  assert.equal(worker.get("table"), buffer);
});

Deno.test("memories of a discarded and of the next snapshot are told apart", async () => {
  const keeper = next(new Zones(), 8);
  const worker = new Zones(await sent(keeper));
  worker.adopt(await sent(next(keeper, 16)));
  const discarded = worker.get("table");
  worker.discard();
  const later = next(keeper, 16);
  worker.adopt(await sent(later));
  Atomics.store(new Int32Array(later.get("table")), 0, 7);
  assert.equal(new Int32Array(worker.get("table"))[0], 7);
  assert.equal(new Int32Array(discarded)[0], 0);
});
