/** Metrics of the admin API (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";

/** All of them. */
export const METRICS: readonly MetricSpec[] = [{
  name: "fluxheim_admin_auth_events_total",
  help: "Failed and throttled attempts to use the admin API.",
  type: "counter",
  labels: { event: ["failure", "throttled"], scope: ["source", "global"] },
}];
