import assert from "node:assert/strict";
import { isPlain } from "../../gateway/threads/thread.ts";
import type { SeriesValue } from "../../zones/series.ts";
import { shownCounters } from "./live.ts";

function seriesOf(count: number, nameLength: number, kind: "counter" | "histogram"): SeriesValue[] {
  return Array.from({ length: count }, (_, i) => ({
    name: "fluxheim_edge_policy_events_total",
    labels: {
      scope: "route",
      vhost: "v".repeat(nameLength),
      route: `r${i}`.padEnd(nameLength, "x"),
    },
    kind,
    value: i,
    cells: kind === "histogram" ? new Array(17).fill(1e9) : [i],
  }));
}

Deno.test("series are shown as far as an answer has room for them, however long their names are", () => {
  for (const kind of ["counter", "histogram"] as const) {
    for (const nameLength of [4, 128]) {
      const { counters, truncated } = shownCounters(seriesOf(5_000, nameLength, kind));
      assert.equal(truncated, true);
      assert.ok(counters.length >= 600, `${kind} ${nameLength}: ${counters.length}`);
      assert.ok(isPlain({ status: 200, body: { counters, truncated } }), `${kind} ${nameLength}`);
    }
  }
  const all = shownCounters(seriesOf(500, 4, "counter"));
  assert.deepEqual([all.counters.length, all.truncated], [500, false]);
});
