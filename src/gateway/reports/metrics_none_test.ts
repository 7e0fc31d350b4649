import assert from "node:assert/strict";
import { NO_METRICS } from "./metrics_none.ts";

Deno.test("a build without metrics has one counter for everything, and nothing can be put into it", () => {
  const shop = NO_METRICS.counter("fluxheim_edge_policy_events_total", { vhost: "shop" });
  const other = NO_METRICS.counter("fluxheim_connections_rejected_total", { reason: "budget" });
  const before = Object.entries(shop);
  shop.count();
  assert.equal(shop, other);
  assert.deepEqual(Object.entries(shop), before);
  assert.ok(Object.isFrozen(shop) && Object.isFrozen(NO_METRICS));
});
