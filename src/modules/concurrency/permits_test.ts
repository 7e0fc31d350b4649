import assert from "node:assert/strict";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { exchangeFrom } from "../../gateway/testing/modules.ts";
import { until } from "../../net/testing/until.ts";
import { newMemory } from "../../zones/layout.ts";
import { queue } from "../../zones/queue.ts";
import { QueueMemory } from "../../zones/queue_memory.ts";
import { Permits } from "./permits.ts";

const WORKERS = 3;
const LONG_MS = 20_000;

/** The keeper, which does not wait for locks. */
const KEEPER_CALL = { threads: WORKERS, waitUntil: 0 };

function setMax(memory: SharedArrayBuffer, maxInFlight: number): void {
  queue.apply?.(memory, { maxInFlight }, KEEPER_CALL);
}

function reclaim(memory: SharedArrayBuffer, index: number): void {
  queue.reclaim?.(memory, { index, count: WORKERS }, KEEPER_CALL);
}

function permitsOf(memory: SharedArrayBuffer, index: number): Permits {
  return new Permits(queue.open(memory, { index, count: WORKERS }));
}

/** Two workers' views of one limit. */
function twoWorkers(maxInFlight: number, maxQueue: number) {
  const buffer = newMemory(queue, { maxQueue }, WORKERS);
  setMax(buffer, maxInFlight);
  return { buffer, one: permitsOf(buffer, 0), two: permitsOf(buffer, 1) };
}

const client = () => exchangeFrom("192.0.2.1");

function taken(permits: Permits): Exchange {
  const exchange = client();
  assert.ok(permits.take(exchange));
  return exchange;
}

Deno.test("permits are counted over all workers", () => {
  const { one, two } = twoWorkers(2, 0);
  const first = taken(one);
  taken(two);
  assert.equal(one.take(client()), false);
  first.releaseAll();
  assert.equal(two.take(client()), true);
});

Deno.test("no request overtakes those that wait", async () => {
  const { one, two } = twoWorkers(1, 10);
  const first = taken(one);
  const waiting = client();
  const outcome = two.wait(waiting, 10, LONG_MS);
  first.releaseAll();
  assert.equal(one.take(client()), false);
  assert.equal(await outcome, "granted");
  waiting.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("those who wait are served in the order they came, whichever worker they are in", async () => {
  const { one, two } = twoWorkers(1, 100);
  let last = taken(one);
  const order: number[] = [];
  const waiting = Array.from({ length: 20 }, async (_, i) => {
    const exchange = client();
    assert.equal(await (i % 3 === 0 ? one : two).wait(exchange, 100, LONG_MS), "granted");
    order.push(i);
    last = exchange;
  });
  for (let i = 0; i < 20; i++) {
    last.releaseAll();
    await until(`waiter ${i} is served`, () => order.length > i);
  }
  await Promise.all(waiting);
  assert.deepEqual(order, Array.from({ length: 20 }, (_, i) => i));
  last.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a memory made for a longer queue serves a shorter one", async () => {
  const { one } = twoWorkers(1, 1000);
  const first = taken(one);
  const waiting = [client(), client()];
  const outcomes = waiting.map((exchange) => one.wait(exchange, 2, LONG_MS));
  assert.equal(await one.wait(client(), 2, LONG_MS), "refused");
  for (const exchange of [first, ...waiting]) exchange.releaseAll();
  assert.deepEqual(await Promise.all(outcomes), ["granted", "granted"]);
});

Deno.test("the queue is bounded over all workers", async () => {
  const { one, two } = twoWorkers(1, 2);
  const first = taken(one);
  const waiting = [client(), client()];
  const outcomes = [one.wait(waiting[0], 2, LONG_MS), two.wait(waiting[1], 2, LONG_MS)];
  assert.equal(await two.wait(client(), 2, LONG_MS), "refused");
  first.releaseAll();
  assert.equal(await outcomes[0], "granted");
  waiting[0].releaseAll();
  assert.equal(await outcomes[1], "granted");
  waiting[1].releaseAll();
});

Deno.test("who waited too long is refused, and leaves the queue", async () => {
  const { one } = twoWorkers(1, 5);
  const first = taken(one);
  const before = performance.now();
  assert.equal(await one.wait(client(), 5, 30), "refused");
  assert.ok(performance.now() - before >= 28);
  assert.deepEqual(one.load, { inFlight: 1, waiting: 0 });
  first.releaseAll();
});

Deno.test("who goes away leaves the queue to those behind", async () => {
  const { one, two } = twoWorkers(1, 5);
  const first = taken(one);
  const [leaving, staying] = [client(), client()];
  const left = one.wait(leaving, 5, LONG_MS);
  const stayed = two.wait(staying, 5, LONG_MS);
  leaving.aborted = true;
  leaving.onAbort?.();
  assert.equal(await left, "aborted");
  first.releaseAll();
  assert.equal(await stayed, "granted");
  staying.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a permit that comes while its client goes away is given back with the exchange", async () => {
  const { one, two } = twoWorkers(1, 5);
  const first = taken(one);
  const leaving = client();
  const left = two.wait(leaving, 5, LONG_MS);
  first.releaseAll();
  // The other worker has granted it; this one has not been woken yet.
  leaving.aborted = true;
  leaving.onAbort?.();
  assert.equal(await left, "granted");
  assert.deepEqual(one.load, { inFlight: 1, waiting: 0 });
  leaving.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a larger limit lets those in at once who wait", async () => {
  const { buffer, one, two } = twoWorkers(1, 5);
  const first = taken(one);
  const waiting = client();
  const outcome = two.wait(waiting, 5, LONG_MS);
  setMax(buffer, 2);
  assert.equal(await outcome, "granted");
  first.releaseAll();
  waiting.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a smaller limit lets no request in until enough have gone", () => {
  const { buffer, one } = twoWorkers(3, 0);
  const held = [taken(one), taken(one), taken(one)];
  setMax(buffer, 1);
  held[0].releaseAll();
  held[1].releaseAll();
  assert.equal(one.take(client()), false);
  held[2].releaseAll();
  assert.equal(one.take(client()), true);
});

Deno.test("what a dead worker held comes back, and its waiters leave the queue", async () => {
  const { buffer, one } = twoWorkers(2, 5);
  const dead = new QueueMemory(buffer, { index: 1, count: WORKERS });
  assert.ok(dead.tryTake());
  const mine = taken(one);
  assert.notEqual(dead.join(5), 0);
  const waiting = client();
  const outcome = one.wait(waiting, 5, LONG_MS);
  reclaim(buffer, 1);
  assert.equal(await outcome, "granted");
  assert.deepEqual(one.load, { inFlight: 2, waiting: 0 });
  mine.releaseAll();
  waiting.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a worker that takes the place of a dead one starts with no grants of its own", async () => {
  const { buffer, one } = twoWorkers(1, 5);
  const first = taken(one);
  const dead = new QueueMemory(buffer, { index: 2, count: WORKERS });
  dead.join(5);
  first.releaseAll();
  assert.equal(dead.grants, 1);
  reclaim(buffer, 2);
  const successor = permitsOf(buffer, 2);
  const blocker = taken(one);
  const waiting = client();
  const outcome = successor.wait(waiting, 5, 20);
  assert.equal(await outcome, "refused");
  blocker.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("places in the queue are used again", async () => {
  const { one } = twoWorkers(1, 3);
  const first = taken(one);
  for (let round = 0; round < 200; round++) {
    const leaving = [client(), client(), client()];
    const outcomes = leaving.map((exchange) => one.wait(exchange, 3, LONG_MS));
    for (const i of [1, 0, 2]) leaving[i].onAbort?.();
    assert.deepEqual(await Promise.all(outcomes), ["aborted", "aborted", "aborted"]);
  }
  first.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});
