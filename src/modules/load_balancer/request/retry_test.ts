import assert from "node:assert/strict";
import { ClientError, type ClientErrorStage } from "../../../http/client.ts";
import { newMemory } from "../../../zones/layout.ts";
import { poolMemory } from "../memory/pool_memory.ts";
import { RetryRules } from "./retry.ts";

const OWN = { index: 0, count: 1 };

/** Rules by which GET alone may arrive at two members. */
function rules(): RetryRules {
  const shared = poolMemory.open(newMemory(poolMemory, undefined, 1), OWN);
  const config = {
    enabled: true,
    max_retries: 2,
    methods: ["GET" as const],
    statuses: [503],
    status_ranges: [],
    budget_per_window: 0,
    budget_window_secs: 10,
  };
  return new RetryRules(config, shared, 2);
}

Deno.test("what a member may have executed goes to another one only where its method may be repeated", () => {
  const allowed = (stage: ClientErrorStage, method: string) =>
    rules().allows(new ClientError(stage, "failed"), method);
  for (const stage of ["connect", "unsent", "refused"] as const) {
    assert.equal(allowed(stage, "POST"), true, `no member has looked at it: ${stage}`);
  }
  assert.equal(allowed("unanswered", "POST"), false);
  assert.equal(allowed("unanswered", "GET"), true);
  assert.equal(allowed("response", "GET"), false);
  assert.equal(rules().allows(new Error("a fault of ours"), "GET"), false);
});

Deno.test("a status is no reason to send a method again that may not be repeated", () => {
  assert.equal(rules().covers("POST", 503), false);
  assert.equal(rules().covers("GET", 503), true);
  assert.equal(rules().covers("GET", 500), false);
});
