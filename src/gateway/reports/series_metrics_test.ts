import assert from "node:assert/strict";
import { MAX_SERIES, SeriesTotals, SeriesWriter } from "../../zones/series.ts";
import { newMemory } from "../../zones/layout.ts";
import { series } from "../../zones/series.ts";
import { SeriesMetrics } from "./series_metrics.ts";

/** Counters of one thread, what they log, and what a reader finds. */
function thread() {
  const buffer = newMemory(series, undefined, 1);
  const lines: string[] = [];
  const log = {
    logsAccess: false,
    enabled: () => true,
    log: (...line: readonly string[]) => void lines.push(line.join(" ")),
    access() {},
  };
  const metrics = new SeriesMetrics(new SeriesWriter(buffer), log);
  const totals = new SeriesTotals({ onFault: (what) => assert.fail(what) });
  const read = () => totals.read(new Map([[0, { buffer }]]));
  return { metrics, lines, read };
}

Deno.test("a counter counts under its name and labels, in the order they are given", () => {
  const { metrics, read } = thread();
  const labels = { scope: "route", vhost: "shop", route: "" };
  metrics.counter("fluxheim_edge_policy_events_total", labels).count();
  metrics.counter("fluxheim_edge_policy_events_total", labels).count();
  const [, found] = read();
  assert.deepEqual([found.name, found.labels, found.value], [
    "fluxheim_edge_policy_events_total",
    labels,
    2,
  ]);
  assert.deepEqual(Object.keys(found.labels), ["scope", "vhost", "route"]);
});

Deno.test("what finds no room is counted as one series, and logged once", () => {
  const { metrics, lines, read } = thread();
  for (let i = 0; i < MAX_SERIES + 20; i++) metrics.counter("a_total", { i: String(i) }).count();
  const found = read();
  assert.equal(found.length, MAX_SERIES);
  assert.deepEqual([found[0].name, found[0].value], ["fluxheim_metrics_overflow_total", 21]);
  assert.equal(lines.length, 1);
  assert.match(lines[0], /^warn fluxheim::metrics a series of a_total finds no room/);
});
