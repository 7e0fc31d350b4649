/** Metrics of the export of spans. @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";

/** Beyond 1.5. */
export const EXPORTED: MetricSpec = {
  name: "fluxheim_trace_spans_exported_total",
  help: "Requests whose spans a collector has taken.",
  type: "counter",
  labels: {},
};

/** Beyond 1.5. */
export const DROPPED: MetricSpec = {
  name: "fluxheim_trace_spans_dropped_total",
  help:
    "Requests whose spans were dropped: there was no room for them, or the collector refused them.",
  type: "counter",
  labels: { reason: ["ring_full", "queue_full", "refused", "shutdown", "other"] },
};

/** Beyond 1.5. */
export const QUEUED: MetricSpec = {
  name: "fluxheim_trace_spans_queued",
  help: "Requests whose spans wait for the collector.",
  type: "gauge",
  labels: {},
};
