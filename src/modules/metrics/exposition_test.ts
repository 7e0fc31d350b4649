import assert from "node:assert/strict";
import type { MetricFamily } from "../../gateway/reports/series_reader.ts";
import { readAll } from "../../http/body.ts";
import type { SeriesValue } from "../../zones/series.ts";
import { Exposition } from "./exposition.ts";

function counter(labels: SeriesValue["labels"], value: number): SeriesValue {
  return { name: "a_total", labels, kind: "counter", value, cells: [value] };
}

function familyOf(series: readonly SeriesValue[]): MetricFamily {
  return {
    spec: { name: "a_total", help: "Counts \\ and\nmore.", type: "counter", labels: {} },
    series,
  };
}

async function textOf(families: readonly MetricFamily[], rest = Promise.resolve("")) {
  let ends = 0;
  const bytes = await readAll(new Exposition(families, rest, () => ends++), 64 * 1024 * 1024);
  assert.equal(ends, 1);
  return new TextDecoder().decode(bytes);
}

Deno.test("names and texts are escaped as the format has it", async () => {
  const text = await textOf([familyOf([counter({ vhost: 'a"b\\c\nd' }, 7), counter({}, 1)])]);
  assert.equal(
    text,
    "# HELP a_total Counts \\\\ and\\nmore.\n# TYPE a_total counter\n" +
      'a_total{vhost="a\\"b\\\\c\\nd"} 7\na_total 1\n',
  );
});

Deno.test("a histogram is cumulative, and ends with its sum and count", async () => {
  const spec = {
    name: "w_seconds",
    help: "Waits.",
    type: "histogram",
    labels: {},
    buckets: [0.1, 1],
  } as const;
  const value: SeriesValue = {
    name: "w_seconds",
    labels: { vhost: "v" },
    kind: "histogram",
    value: 2,
    cells: [2, 1, 1, 2_500_000],
  };
  const text = await textOf([{ spec, series: [value] }], Promise.resolve("up 1\n"));
  assert.deepEqual(text.trimEnd().split("\n").slice(2), [
    'w_seconds_bucket{vhost="v",le="0.1"} 2',
    'w_seconds_bucket{vhost="v",le="1"} 3',
    'w_seconds_bucket{vhost="v",le="+Inf"} 4',
    'w_seconds_sum{vhost="v"} 2.5',
    'w_seconds_count{vhost="v"} 4',
    "up 1",
  ]);
});

Deno.test("twenty thousand series are made in slices, and a client that goes ends that", async () => {
  const series = Array.from({ length: 20_000 }, (_, i) => counter({ vhost: `v${i}` }, i));
  const text = await textOf([familyOf(series)]);
  assert.equal(text.split("\n").length, 20_003);
  let ends = 0;
  const body = new Exposition([familyOf(series)], Promise.resolve(""), () => ends++);
  const read = await body.read(new Uint8Array(64 * 1024));
  assert.ok(read !== null && read <= 17 * 1024, "a slice and no more");
  body.cancel();
  body.cancel();
  assert.equal(ends, 1);
});
