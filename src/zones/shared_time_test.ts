import assert from "node:assert/strict";
import { SharedTime } from "./shared_time.ts";

const MS = 1e6;

/** Workers on one zone whose own clocks the test moves. */
function workers() {
  const buffer = new SharedArrayBuffer(SharedTime.BYTES);
  return (startMs: number) => {
    const clock = { ms: startMs };
    return { clock, time: new SharedTime(buffer, () => clock.ms) };
  };
}

Deno.test("time begins at zero and passes as the worker's own", () => {
  const { clock, time } = workers()(5000);
  assert.equal(time.now(), 0);
  clock.ms += 1234.5;
  assert.equal(time.now(), 1234.5 * MS);
});

Deno.test("a worker that starts later joins the time of the others", () => {
  const start = workers();
  const first = start(100_000);
  first.clock.ms += 7000;
  assert.equal(first.time.now(), 7000 * MS);
  assert.equal(start(3).time.now(), 7000 * MS);
});

Deno.test("a worker that is behind sets its clock forward for good", () => {
  const start = workers();
  const [ahead, behind] = [start(0), start(0)];
  ahead.clock.ms += 500;
  ahead.time.now();
  assert.equal(behind.time.now(), 500 * MS);
  behind.clock.ms += 20;
  assert.equal(behind.time.now(), 520 * MS);
});

Deno.test("a worker that is behind by less than the lag does not write the zone back", () => {
  const start = workers();
  const [ahead, behind] = [start(0), start(0)];
  behind.clock.ms += 9.95;
  ahead.clock.ms += 10;
  ahead.time.now();
  behind.time.now();
  ahead.clock.ms += 0.02;
  assert.equal(ahead.time.now(), 10.02 * MS);
});

Deno.test("clocks that run together never run ahead of the fastest", () => {
  const start = workers();
  const all = [start(0), start(40), start(900)];
  let fastest = 0;
  for (let i = 0; i < 3000; i++) {
    for (const { clock } of all) clock.ms += 0.3;
    fastest += 0.3;
    const now = all[i % 3].time.now();
    assert.ok(now <= fastest * MS + 1, `${now} at ${fastest} ms`);
  }
});
