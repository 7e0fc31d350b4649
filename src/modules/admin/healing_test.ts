import assert from "node:assert/strict";
import { decide } from "./healing.ts";
import { adminSchema } from "./schema.ts";

function decision(good: number, bad: number, most: number, least: number) {
  const { self_healing } = adminSchema.parse({
    self_healing: { max_error_rate_per_mille: most, min_successful_checks: least },
  });
  return decide({ successful_checks: good, failed_checks: bad }, self_healing);
}

Deno.test("the error rate is looked at first", () => {
  assert.equal(decision(9, 1, 99, 1), "rollback");
  assert.equal(decision(9, 1, 100, 1), "confirm");
  assert.equal(decision(0, 1, 1000, 1), "wait");
  assert.equal(decision(1, 0, 0, 1), "confirm");
  assert.equal(decision(1, 0, 0, 2), "wait");
});
