import assert from "node:assert/strict";
import { Clock, TICK_MS } from "./clock.ts";

function expiring(deadline: number) {
  const limit = { deadline, expired: 0, expire: () => void limit.expired++ };
  return limit;
}

Deno.test("what has its deadline behind it expires at the next tick, once", () => {
  const clock = new Clock();
  const limit = expiring(clock.now + 100);
  clock.watch(limit);
  clock.tick(clock.now + 99);
  assert.equal(limit.expired, 0);
  clock.tick(clock.now + 1);
  clock.tick(clock.now + 1);
  assert.equal(limit.expired, 1);
});

Deno.test("a deadline of 0 is no limit", () => {
  const clock = new Clock();
  const limit = expiring(0);
  clock.watch(limit);
  clock.tick(clock.now + 1e9);
  assert.equal(limit.expired, 0);
});

Deno.test("a clock with a pace is so many times ahead of real time", () => {
  const [real, fast] = [new Clock(), new Clock(10)];
  assert.ok(fast.now >= 10 * real.now);
  for (const clock of [real, fast]) clock.tick();
  assert.ok(fast.now >= 10 * real.now);
});

Deno.test("its ticks are as much closer to each other", async () => {
  const clock = new Clock(250);
  const { promise, resolve } = Promise.withResolvers<void>();
  const times: number[] = [];
  clock.every(() => {
    if (times.push(clock.now) === 5) resolve();
  });
  const began = clock.now;
  clock.start();
  // A clock does not keep a program running.
  const hold = setInterval(() => {}, TICK_MS);
  await promise;
  clearInterval(hold);
  clock.stop();
  assert.ok(times.every((time, i) => time - began >= i * TICK_MS / 2), times.join(" "));
});
