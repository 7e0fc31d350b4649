import assert from "node:assert/strict";
import { newMemory } from "../../zones/layout.ts";
import { SharedTime } from "../../zones/shared_time.ts";
import { bucketTable } from "./bucket_table.ts";
import { RateLimiter } from "./rate_limiter.ts";

const ONE_A_SECOND = {
  requestsPerSecond: 1,
  burst: 1,
  maxDelayMs: 0,
  maxEntries: 1,
  rejectIndeterminate: false,
};

Deno.test("an address is served wherever in the table its bucket stands", () => {
  const time = new SharedTime(new SharedArrayBuffer(SharedTime.BYTES));
  // The place is another one in each table; the first one comes up in so many.
  for (let i = 0; i < 2000; i++) {
    const memory = newMemory(bucketTable, { maxEntries: 1 }, 1);
    bucketTable.apply?.(memory, { maxEntries: 1, ttlSecs: 300 }, { threads: 1, waitUntil: 0 });
    const table = bucketTable.open(memory, { index: 0, count: 1 });
    const limiter = new RateLimiter(table, time, ONE_A_SECOND);
    assert.equal(limiter.admit("192.0.2.1"), 0);
    assert.ok(limiter.explain("192.0.2.1").includes("0.0 tokens left for 192.0.2.1"));
    assert.ok(limiter.admit("192.0.2.1") < 0);
  }
});
