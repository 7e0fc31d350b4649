import assert from "node:assert/strict";
import { Allowance } from "./allowance.ts";

Deno.test("tokens are taken until there are none", () => {
  const allowance = new Allowance(3, 1, 1000);
  assert.deepEqual([1, 2, 3, 4].map(() => allowance.take(1000)), [true, true, true, false]);
});

Deno.test("tokens grow back with time, up to the burst and no further", () => {
  const allowance = new Allowance(3, 2, 1000);
  assert.ok(allowance.take(1000, 3));
  assert.ok(allowance.take(2000, 2));
  assert.equal(allowance.take(2000), false);
  assert.ok(allowance.take(3_600_000, 3));
  assert.equal(allowance.take(3_600_000), false);
});

Deno.test("what is given back counts, up to the burst and no further", () => {
  const allowance = new Allowance(3, 0, 1000);
  allowance.grant(100);
  assert.ok(allowance.take(1000, 3));
  allowance.grant(1);
  assert.ok(allowance.take(1000));
  assert.equal(allowance.take(1000), false);
});
