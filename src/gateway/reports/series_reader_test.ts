import assert from "node:assert/strict";
import { newMemory } from "../../zones/layout.ts";
import { series, type SeriesWriter } from "../../zones/series.ts";
import type { Zone } from "../../zones/zones.ts";
import type { MetricSpec } from "./metrics.ts";
import { SeriesReader } from "./series_reader.ts";

const SPECS: readonly MetricSpec[] = [
  {
    name: "events_total",
    help: "Events.",
    type: "counter",
    labels: { vhost: "configured", event: ["hit", "miss", "other"] },
  },
  { name: "wait_seconds", help: "Waits.", type: "histogram", labels: {}, buckets: [1, 2] },
];

/** A reader of the series that `write` leaves. */
function readerOf(
  write: (writer: SeriesWriter) => void,
): { reader: SeriesReader; lines: string[] } {
  const buffer = newMemory(series, undefined, 1);
  write(series.open(buffer, { index: 0, count: 1 }));
  const parts = new Map<number, Zone>([[0, { number: 1, buffer }]]);
  const lines: string[] = [];
  const log = {
    logsAccess: false,
    enabled: () => true,
    log: (...line: readonly string[]) => void lines.push(line.join(" ")),
    access() {},
  };
  return { reader: new SeriesReader({ log, metricSpecs: SPECS, reads: () => parts }), lines };
}

Deno.test("a value outside of its documented set is shown as other, and counted with it", () => {
  const { reader } = readerOf((writer) => {
    for (const event of ["hit", "what", "ever"]) {
      writer.cell("events_total", { vhost: "any", event })?.count();
    }
  });
  const [{ spec, series: found }] = reader.read();
  assert.equal(spec.name, "events_total");
  assert.deepEqual(found.map(({ labels, value }) => [labels.vhost, labels.event, value]), [
    ["any", "hit", 1],
    ["any", "other", 2],
  ]);
});

Deno.test("a series that is not what its description says is not shown", () => {
  const { reader } = readerOf((writer) => {
    writer.gauge("events_total", { vhost: "a", event: "hit" })?.set(-5);
    writer.cell("events_total", { vhost: "a" })?.count();
    writer.cell("events_total", { vhost: "a", event: "hit", ip: "192.0.2.1" })?.count();
    writer.histogram("wait_seconds", {}, [1, 2, 3])?.observe(1);
    writer.histogram("wait_seconds", {}, [1, 2])?.observe(1);
  });
  const families = reader.read();
  assert.deepEqual(families.map(({ spec }) => spec.name), ["wait_seconds"]);
  assert.deepEqual(families[0].series.map(({ cells }) => cells.length), [4]);
});

Deno.test("a metric without a description is shown as it is, and reported once", () => {
  const { reader, lines } = readerOf((writer) => {
    writer.cell("later_total", {})?.count();
    writer.histogram("unknown_seconds", {}, [1])?.observe(1);
  });
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(reader.read().map(({ spec }) => [spec.name, spec.type]), [
      ["later_total", "counter"],
    ]);
  }
  assert.equal(lines.length, 1);
  assert.match(lines[0], /metrics without a description: later_total, unknown_seconds/);
});
