import assert from "node:assert/strict";
import { TICK_MS } from "../../net/clock.ts";
import { heartbeat } from "../../zones/heartbeat.ts";
import { newMemory } from "../../zones/layout.ts";
import { type FailedHeartbeat, HEARTBEAT_LIMIT_MS, HeartbeatMonitor } from "./heartbeat.ts";

const LIMIT_TICKS = HEARTBEAT_LIMIT_MS / TICK_MS;

function setUp() {
  const monitor = new HeartbeatMonitor();
  const heartbeats = [0, 1].map((index) =>
    heartbeat.open(newMemory(heartbeat, undefined, 1), { index, count: 2 })
  );
  /** Lets ticks pass in which the heartbeats of `beating` go on; what the last one found. */
  const pass = (ticks: number, ...beating: readonly number[]) => {
    let found: FailedHeartbeat | undefined;
    for (let i = 0; i < ticks; i++) {
      for (const slot of beating) heartbeats[slot].beat();
      found = monitor.tick();
    }
    return found;
  };
  return { heartbeats, monitor, pass };
}

Deno.test("heartbeats that go on are left alone", () => {
  const { heartbeats, monitor, pass } = setUp();
  monitor.watch(0, heartbeats[0]);
  monitor.watch(1, heartbeats[1]);
  assert.equal(pass(3 * LIMIT_TICKS, 0, 1), undefined);
});

Deno.test("a heartbeat that stops is found after its limit, not before", () => {
  const { heartbeats, monitor, pass } = setUp();
  monitor.watch(0, heartbeats[0]);
  monitor.watch(1, heartbeats[1]);
  assert.equal(pass(LIMIT_TICKS - 1, 0), undefined);
  assert.deepEqual(pass(1, 0), { slot: 1, cause: "stopped" });
});

Deno.test("one beat in time is enough", () => {
  const { heartbeats, monitor, pass } = setUp();
  monitor.watch(0, heartbeats[0]);
  assert.equal(pass(LIMIT_TICKS - 1), undefined);
  assert.equal(pass(1, 0), undefined);
  assert.equal(pass(LIMIT_TICKS - 1), undefined);
});

Deno.test("the heartbeat of a worker that is gone is not waited for", () => {
  const { heartbeats, monitor, pass } = setUp();
  monitor.watch(0, heartbeats[0]);
  monitor.unwatch(0);
  assert.equal(pass(2 * LIMIT_TICKS), undefined);
});

Deno.test("a full heap is found at once, and forgotten with its worker", () => {
  const { heartbeats, monitor, pass } = setUp();
  monitor.watch(0, heartbeats[0]);
  heartbeats[0].reportFullHeap();
  assert.deepEqual(pass(1), { slot: 0, cause: "heap full" });
  monitor.watch(0, heartbeats[1]);
  assert.equal(pass(1), undefined);
});
