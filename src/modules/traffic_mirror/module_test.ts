import assert from "node:assert/strict";
import { InFlight } from "./in_flight.ts";
import { Sampling } from "./sampling.ts";

Deno.test("copies of all workers count together", () => {
  const zone = new SharedArrayBuffer(InFlight.bytes(2));
  const [first, second] = [new InFlight(zone, 0), new InFlight(zone, 1)];
  assert.ok(first.tryTake(2));
  assert.ok(second.tryTake(2));
  assert.equal(first.tryTake(2), false);
  second.giveBack();
  assert.ok(first.tryTake(2));
  assert.equal(second.total, 2);
});

Deno.test("what a worker that died had under way is taken off", () => {
  const zone = new SharedArrayBuffer(InFlight.bytes(2));
  const [first, second] = [new InFlight(zone, 0), new InFlight(zone, 1)];
  first.tryTake(10);
  second.tryTake(10);
  second.tryTake(10);
  InFlight.reclaim(zone, 1);
  assert.equal(first.total, 1);
  first.giveBack();
  assert.equal(first.total, 0);
});

Deno.test("equal requests are sampled alike by everyone with the same salt, others by another", () => {
  const zone = new SharedArrayBuffer(Sampling.bytes);
  const [here, there] = [new Sampling(zone), new Sampling(zone)];
  const other = new Sampling(new SharedArrayBuffer(Sampling.bytes));
  const chosen = (sampling: Sampling) =>
    Array.from({ length: 400 }, (_, i) => sampling.has(500, "GET", `/${i}`, "a.test"));
  assert.deepEqual(chosen(here), chosen(there));
  assert.notDeepEqual(chosen(here), chosen(other));
});

Deno.test("the share is what was asked for", () => {
  const sampling = new Sampling(new SharedArrayBuffer(Sampling.bytes));
  const share = (perMille: number) => {
    let count = 0;
    for (let i = 0; i < 20_000; i++) if (sampling.has(perMille, "GET", `/${i}`, "")) count++;
    return count / 20;
  };
  assert.equal(share(1000), 1000);
  // 65536 is no multiple of 1000, which is worth half a per mille; the rest is chance.
  assert.ok(Math.abs(share(100) - 100) < 15);
  assert.ok(Math.abs(share(700) - 700) < 20);
});

Deno.test("method, path, query and host all count", () => {
  const sampling = new Sampling(new SharedArrayBuffer(Sampling.bytes));
  const differs = (vary: (i: number) => [string, string, string]) => {
    const seen = new Set(Array.from({ length: 64 }, (_, i) => sampling.has(500, ...vary(i))));
    return seen.size === 2;
  };
  assert.ok(differs((i) => [`M${i}`, "/", "h"]));
  assert.ok(differs((i) => ["GET", `/?${i}`, "h"]));
  assert.ok(differs((i) => ["GET", "/", `h${i}`]));
});
