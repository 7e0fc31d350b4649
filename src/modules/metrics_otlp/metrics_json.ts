/**
 * Series as OTLP has them (spec 06 section B1): counters as cumulative sums, histograms by bucket.
 *
 * @module
 */
import type { MetricFamily } from "../../gateway/reports/series_reader.ts";
import { CUMULATIVE, resourceOf, SCOPE, text, unixNano } from "../../gateway/otlp/json.ts";
import type { SeriesValue } from "../../zones/series.ts";

/** Most data points of one message: collectors bound their bodies, and so does this the memory of one. */
export const MAX_POINTS = 5_000;

/**
 * The messages with these families.
 *
 * @param startMs When the process began to count, in milliseconds since 1970.
 * @param nowMs When the values were read.
 */
export function* metricsJson(
  families: readonly MetricFamily[],
  serviceName: string,
  startMs: number,
  nowMs: number,
): Generator<string> {
  const times = { startTimeUnixNano: unixNano(startMs), timeUnixNano: unixNano(nowMs) };
  let metrics: unknown[] = [];
  let points = 0;
  const message = () =>
    JSON.stringify({
      resourceMetrics: [{
        resource: resourceOf(serviceName),
        scopeMetrics: [{ scope: SCOPE, metrics }],
      }],
    });
  for (const { spec, series } of families) {
    for (let from = 0; from < series.length;) {
      const some = series.slice(from, from + MAX_POINTS - points);
      from += some.length;
      points += some.length;
      metrics.push(metricOf(spec, some, times));
      if (points < MAX_POINTS) continue;
      yield message();
      metrics = [];
      points = 0;
    }
  }
  if (metrics.length > 0) yield message();
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

function metricOf(
  { name, help, type, buckets = [] }: MetricFamily["spec"],
  series: readonly SeriesValue[],
  times: Times,
): unknown {
  const description = { name, description: help };
  switch (type) {
    case "counter": {
      const dataPoints = series.map((value) => ({
        attributes: attributesOf(value),
        ...times,
        asDouble: value.value,
      }));
      const sum = { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints };
      return { ...description, unit: "1", sum };
    }
    case "gauge": {
      const { timeUnixNano } = times;
      const dataPoints = series.map((value) => ({
        attributes: attributesOf(value),
        timeUnixNano,
        asDouble: value.value,
      }));
      return { ...description, unit: unitOf(name), gauge: { dataPoints } };
    }
    case "histogram": {
      const dataPoints = series.map((value) => pointOf(value, buckets, times));
      const histogram = { aggregationTemporality: CUMULATIVE, dataPoints };
      return { ...description, unit: "s", histogram };
    }
  }
}

function pointOf(value: SeriesValue, buckets: readonly number[], times: Times): unknown {
  const counts = value.cells.slice(0, buckets.length + 1);
  return {
    attributes: attributesOf(value),
    ...times,
    count: String(counts.reduce((sum, count) => sum + count, 0)),
    sum: value.cells[buckets.length + 1] / 1e6,
    bucketCounts: counts.map(String),
    explicitBounds: buckets,
  };
}

function attributesOf({ labels }: SeriesValue): readonly unknown[] {
  return Object.entries(labels).map(([key, value]) => text(key, value));
}

function unitOf(name: string): string {
  if (name.endsWith("_seconds")) return "s";
  return name.endsWith("_bytes") ? "By" : "1";
}
