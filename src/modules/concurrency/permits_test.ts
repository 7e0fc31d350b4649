import assert from "node:assert/strict";
import type { Exchange } from "../../gateway/exchange.ts";
import { exchangeFrom } from "../../gateway/testing/modules.ts";
import { PermitZone } from "./permit_zone.ts";
import { Permits } from "./permits.ts";

const WORKERS = 3;
const LONG_MS = 20_000;

function zone(maxQueue: number): SharedArrayBuffer {
  return new SharedArrayBuffer(PermitZone.bytes(maxQueue, WORKERS));
}

/** Two workers' views of one limit. */
function twoWorkers(maxInFlight: number, maxQueue: number) {
  const buffer = zone(maxQueue);
  const one = Permits.of(buffer, 0, WORKERS);
  const two = Permits.of(buffer, 1, WORKERS);
  one.beginWith(maxInFlight);
  return { buffer, one, two };
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

Deno.test("nobody overtakes those who wait", async () => {
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
    while (order.length === i) await new Promise((resolve) => setTimeout(resolve, 0));
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
  PermitZone.setMaxInFlight(buffer, 2);
  assert.equal(await outcome, "granted");
  first.releaseAll();
  waiting.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a smaller limit lets nobody in until enough have gone", () => {
  const { buffer, one } = twoWorkers(3, 0);
  const held = [taken(one), taken(one), taken(one)];
  PermitZone.setMaxInFlight(buffer, 1);
  held[0].releaseAll();
  held[1].releaseAll();
  assert.equal(one.take(client()), false);
  held[2].releaseAll();
  assert.equal(one.take(client()), true);
});

Deno.test("what a dead worker held comes back, and its waiters leave the queue", async () => {
  const { buffer, one } = twoWorkers(2, 5);
  const dead = new PermitZone(buffer, 1, WORKERS);
  assert.ok(dead.tryTake());
  const mine = taken(one);
  assert.notEqual(dead.join(5), 0);
  const waiting = client();
  const outcome = one.wait(waiting, 5, LONG_MS);
  PermitZone.reclaim(buffer, 1);
  assert.equal(await outcome, "granted");
  assert.deepEqual(one.load, { inFlight: 2, waiting: 0 });
  mine.releaseAll();
  waiting.releaseAll();
  assert.deepEqual(one.load, { inFlight: 0, waiting: 0 });
});

Deno.test("a worker that takes the place of a dead one starts with no grants of its own", async () => {
  const { buffer, one } = twoWorkers(1, 5);
  const first = taken(one);
  const dead = new PermitZone(buffer, 2, WORKERS);
  dead.join(5);
  first.releaseAll();
  assert.equal(dead.grants, 1);
  PermitZone.reclaim(buffer, 2);
  const successor = Permits.of(buffer, 2, WORKERS);
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

/** Words of a zone that a worker which was taken over may write, and what the keeper then says. */
const FORGED:
  readonly (readonly [what: string, forge: (words: Int32Array) => void, said: RegExp])[] = [
    ["a queue that goes in a circle", (words) => {
      const first = 9 + WORKERS * 2;
      words[4] = 1;
      words[first] = 2;
      words[first + 2] = 1;
      words[first + 3] = 1;
      words[first + 3 + 2] = 1;
    }, /a queue without an end/],
    [
      "a head beyond the queue",
      (words) => words[4] = 1_000_000,
      /node 1000000 of \d+ in the queue/,
    ],
    ["more workers than there is room for", (words) => words[8] = 2 ** 31 - 1, /workers/],
    ["a negative number of workers", (words) => words[8] = -1, /workers/],
    ["a lock that is never given back", (words) => words[3] = 2, /a lock for ever held/],
  ];

for (const [what, forge, said] of FORGED) {
  Deno.test(`${what} costs the keeper an error`, () => {
    const { buffer, one } = twoWorkers(1, 8);
    taken(one);
    forge(new Int32Array(buffer));
    assert.throws(() => PermitZone.reclaim(buffer, 2), said);
  });
}

Deno.test("a zone full of garbage costs the keeper errors and no more", () => {
  const buffer = zone(64);
  const words = new Int32Array(buffer);
  for (let round = 0; round < 500; round++) {
    const most = [4, 70, 2 ** 32][round % 3];
    for (let at = 0; at < words.length; at++) words[at] = Math.random() * most;
    words[3] = 0;
    if (round % 2 === 0) words[8] = WORKERS;
    for (
      const change of [
        () => PermitZone.reclaim(buffer, 1),
        () => PermitZone.setMaxInFlight(buffer, 1_000_000),
      ]
    ) {
      try {
        change();
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }
  }
});
