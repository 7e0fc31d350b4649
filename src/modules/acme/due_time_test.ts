import assert from "node:assert/strict";
import { dueAt, retryDelaySecs } from "./due_time.ts";

const DAY = 86_400;
const LEAD = { renewBeforeSecs: 30 * DAY };

Deno.test("a certificate of 90 days is due 30 days before its end", () => {
  assert.equal(dueAt({ notBefore: 0, notAfter: 90 * DAY }, LEAD), 60 * DAY);
});

Deno.test("a lead longer than the life does not make a certificate due at once", () => {
  assert.equal(dueAt({ notBefore: 0, notAfter: 45 * DAY }, LEAD), 30 * DAY);
  assert.equal(dueAt({ notBefore: 0, notAfter: 6 * DAY }, LEAD), 3 * DAY);
  assert.equal(dueAt({ notBefore: 0, notAfter: 3600 }, LEAD), 1800);
});

Deno.test("renew_after holds back a renewal and a first issue", () => {
  const times = { ...LEAD, renewAfter: 80 * DAY };
  assert.equal(dueAt({ notBefore: 0, notAfter: 90 * DAY }, times), 80 * DAY);
  assert.equal(dueAt(undefined, times), 80 * DAY);
  assert.equal(dueAt(undefined, LEAD), 0);
});

Deno.test("the wait after failures doubles up to its bound", () => {
  const times = { initialSecs: 300, maxSecs: DAY };
  assert.deepEqual([0, 1, 2, 3].map((n) => retryDelaySecs(n, times)), [0, 600, 1200, 2400]);
  assert.equal(retryDelaySecs(5000, times), DAY);
});
