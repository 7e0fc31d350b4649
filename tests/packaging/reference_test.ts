/** Descriptions of metrics, and fields of access records, against the tables of the reference. */
import assert from "node:assert/strict";
import { ACCESS_FIELDS } from "../../src/catalog/access_fields.ts";
import type { MetricSpec } from "../../src/gateway/reports/metrics.ts";
import { profile } from "../../src/profiles/development.ts";
import { metricsOf } from "../../src/runtime/metrics/metric_specs.ts";
import { referenceFields, type ReferenceMetric, referenceMetrics } from "../testing/reference.ts";

/** Values beyond 1.5, by metric and label. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  "fluxheim_edge_policy_events_total policy": ["auth_basic", "auth_jwt"],
  "fluxheim_php_requests_total outcome": ["static_cache"],
  "fluxheim_php_request_duration_seconds outcome": ["static_cache"],
};

const SPECS = new Map(metricsOf(profile.modules).map((spec) => [spec.name, spec]));

Deno.test("every metric of the reference is there, with its type, labels, values and buckets", () => {
  const reference = referenceMetrics();
  assert.ok(reference.length >= 59, `${reference.length}`);
  for (const metric of reference) assert.deepEqual(shown(metric, SPECS), expected(metric));
});

interface Shown extends Omit<ReferenceMetric, "sets"> {
  readonly sets: Readonly<Record<string, readonly string[] | "configured" | undefined>>;
}

function shown({ name, sets }: ReferenceMetric, specs: ReadonlyMap<string, MetricSpec>): Shown {
  const spec = specs.get(name);
  assert.ok(spec !== undefined, `${name} is not there`);
  const found = Object.keys(sets).map((label) => {
    const values = spec.labels[label];
    return [label, Array.isArray(values) ? values.toSorted() : values] as const;
  });
  return {
    name,
    type: spec.type,
    labels: Object.keys(spec.labels),
    sets: Object.fromEntries(found),
    buckets: spec.buckets === undefined ? undefined : [...spec.buckets],
  };
}

function expected({ sets, ...metric }: ReferenceMetric): Shown {
  const all = Object.entries(sets).map(([label, values]) =>
    [label, [...values, ...OURS[`${metric.name} ${label}`] ?? []].toSorted()] as const
  );
  return { ...metric, sets: Object.fromEntries(all) };
}

Deno.test("the usual access record has the fields of the reference in its order, and the time", () => {
  const usual = ACCESS_FIELDS.filter(({ onDemand }) => onDemand !== true).map(({ name }) => name);
  const own = usual.filter((name) => name !== "timestamp");
  assert.deepEqual(own, [...referenceFields().keys()]);
});
