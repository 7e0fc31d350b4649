import assert from "node:assert/strict";
import { TICK_MS } from "../../net/clock.ts";
import { heart } from "../../zones/heart.ts";
import { newMemory } from "../../zones/layout.ts";
import { type FailedHeart, HEART_LIMIT_MS, HeartMonitor } from "./heart.ts";

const LIMIT_TICKS = HEART_LIMIT_MS / TICK_MS;

function setUp() {
  const monitor = new HeartMonitor();
  const hearts = [0, 1].map((index) =>
    heart.open(newMemory(heart, undefined, 1), { index, count: 2 })
  );
  /** Lets ticks pass in which the hearts of `beating` beat; what the last one found. */
  const pass = (ticks: number, ...beating: readonly number[]) => {
    let found: FailedHeart | undefined;
    for (let i = 0; i < ticks; i++) {
      for (const slot of beating) hearts[slot].beat();
      found = monitor.tick();
    }
    return found;
  };
  return { hearts, monitor, pass };
}

Deno.test("hearts that beat are left alone", () => {
  const { hearts, monitor, pass } = setUp();
  monitor.watch(0, hearts[0]);
  monitor.watch(1, hearts[1]);
  assert.equal(pass(3 * LIMIT_TICKS, 0, 1), undefined);
});

Deno.test("a heart that stops is found after its limit, not before", () => {
  const { hearts, monitor, pass } = setUp();
  monitor.watch(0, hearts[0]);
  monitor.watch(1, hearts[1]);
  assert.equal(pass(LIMIT_TICKS - 1, 0), undefined);
  assert.deepEqual(pass(1, 0), { slot: 1, cause: "stopped" });
});

Deno.test("one beat in time is enough", () => {
  const { hearts, monitor, pass } = setUp();
  monitor.watch(0, hearts[0]);
  assert.equal(pass(LIMIT_TICKS - 1), undefined);
  assert.equal(pass(1, 0), undefined);
  assert.equal(pass(LIMIT_TICKS - 1), undefined);
});

Deno.test("nobody waits for the heart of a worker that is gone", () => {
  const { hearts, monitor, pass } = setUp();
  monitor.watch(0, hearts[0]);
  monitor.unwatch(0);
  assert.equal(pass(2 * LIMIT_TICKS), undefined);
});

Deno.test("a full heap is found at once, and forgotten with its worker", () => {
  const { hearts, monitor, pass } = setUp();
  monitor.watch(0, hearts[0]);
  hearts[0].reportFullHeap();
  assert.deepEqual(pass(1), { slot: 0, cause: "heap full" });
  monitor.watch(0, hearts[1]);
  assert.equal(pass(1), undefined);
});
