import assert from "node:assert/strict";
import { SharedTime } from "./shared_time.ts";

const WALL_MS = 1_700_000_000_000;
const SECOND_NS = 1e9;

function zone(): SharedArrayBuffer {
  return new SharedArrayBuffer(SharedTime.BYTES);
}

Deno.test("time is the same in workers that started at different moments", () => {
  const buffer = zone();
  const first = new SharedTime(buffer, WALL_MS, 5000);
  first.publish(7800);
  const second = new SharedTime(buffer, WALL_MS + 3000, 20);
  assert.equal(first.now(8000), 3 * SECOND_NS);
  assert.equal(second.now(20), 3 * SECOND_NS);
});

Deno.test("a wall clock that was set back does not set a later worker's time back", () => {
  const buffer = zone();
  const first = new SharedTime(buffer, WALL_MS, 0);
  first.publish(60_000);
  const second = new SharedTime(buffer, WALL_MS - 3_600_000, 10);
  assert.equal(second.now(10), 60 * SECOND_NS);
});

Deno.test("a wall clock that was set forth does not refill every bucket", () => {
  const buffer = zone();
  const first = new SharedTime(buffer, WALL_MS, 0);
  first.publish(60_000);
  const second = new SharedTime(buffer, WALL_MS + 86_400_000, 10);
  assert.equal(second.now(10), 60 * SECOND_NS);
});

Deno.test("what a slower worker leaves never hides the latest time", () => {
  const buffer = zone();
  const time = new SharedTime(buffer, WALL_MS, 0);
  time.publish(9000);
  time.publish(4000);
  assert.equal(new SharedTime(buffer, WALL_MS, 0).now(0), 9 * SECOND_NS);
});
