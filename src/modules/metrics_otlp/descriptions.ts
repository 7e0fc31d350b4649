/** Metrics of the export of metrics (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";

/** Messages. */
export const EXPORTS: MetricSpec = {
  name: "fluxheim_metrics_otlp_exports_total",
  help: "Exports of metrics to the collector, by how they ended.",
  type: "counter",
  labels: { outcome: ["success", "failure", "other"] },
};
