import assert from "node:assert/strict";
import { Throttle, type ThrottleSettings } from "./throttle.ts";

const SETTINGS: ThrottleSettings = {
  enabled: true,
  window_secs: 60,
  per_source_failures: 3,
  global_failures: 1_000_000,
  base_lockout_secs: 30,
  max_lockout_secs: 100,
  max_sources: 8,
};

/** A throttle on a clock that tests set. */
function throttled(settings: Partial<ThrottleSettings> = {}) {
  const clock = { now: 1_000_000 };
  return { clock, throttle: new Throttle({ ...SETTINGS, ...settings }, () => clock.now) };
}

Deno.test("failures that have left the window do not count", () => {
  const { clock, throttle } = throttled();
  throttle.fail("a");
  throttle.fail("a");
  clock.now += 60_000;
  assert.equal(throttle.fail("a"), undefined);
  assert.equal(throttle.fail("a"), undefined);
  assert.equal(throttle.fail("a"), "source");
});

Deno.test("each lockout is twice as long, up to the ceiling", () => {
  const { clock, throttle } = throttled();
  for (const secs of [30, 60, 100, 100]) {
    for (let i = 0; i < 3; i++) throttle.fail("a");
    assert.deepEqual(throttle.lockout("a"), { scope: "source", secs });
    assert.equal(throttle.lockout("b"), undefined);
    clock.now += secs * 1000;
    assert.equal(throttle.lockout("a"), undefined);
  }
});

Deno.test("failures of all sources lock everyone out, and a success clears its own source alone", () => {
  const { throttle } = throttled({ global_failures: 4 });
  throttle.fail("a");
  throttle.fail("b");
  throttle.succeed("a");
  throttle.fail("a");
  assert.equal(throttle.lockout("c"), undefined);
  assert.equal(throttle.fail("d"), "global");
  assert.deepEqual(throttle.lockout("c"), { scope: "global", secs: 30 });
});

Deno.test("an unknown source counts for all alone", () => {
  const { throttle } = throttled();
  for (let i = 0; i < 10; i++) assert.equal(throttle.fail(""), undefined);
  assert.equal(throttle.lockout(""), undefined);
  assert.equal(throttle.size, 0);
});

Deno.test("ten thousand sources take no more room than there is, and those locked out stay longest", () => {
  const { throttle } = throttled();
  for (let i = 0; i < 3; i++) throttle.fail("locked");
  for (let i = 0; i < 10_000; i++) throttle.fail(`source ${i}`);
  assert.equal(throttle.size, 8);
  assert.equal(throttle.lockout("locked")?.scope, "source");
});

Deno.test("while it is off nothing is counted", () => {
  const { throttle } = throttled({ enabled: false, per_source_failures: 0, global_failures: 0 });
  for (let i = 0; i < 10; i++) assert.equal(throttle.fail("a"), undefined);
  assert.equal(throttle.lockout("a"), undefined);
});
