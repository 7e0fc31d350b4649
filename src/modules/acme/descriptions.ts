/** Metrics of managed certificates. @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";

/** What came of looks at what is due (spec 05 section 6.9). */
export const EVENTS: MetricSpec = {
  name: "fluxheim_acme_events_total",
  help: "What came of orders and renewals.",
  type: "counter",
  labels: {
    event: [
      "pending",
      "renewed",
      "failed",
      "reload_success",
      "reload_failed",
      "reload_unavailable",
      "tick_error",
    ],
  },
};

/** Beyond 1.5. */
export const FAILURES: MetricSpec = {
  name: "fluxheim_acme_consecutive_failures",
  help: "Attempts that have failed since the last certificate, by vhost.",
  type: "gauge",
  labels: { certificate: "configured" },
  fold: "max",
};

/** Beyond 1.5. */
export const NEXT_ATTEMPT: MetricSpec = {
  name: "fluxheim_acme_due_timestamp_seconds",
  help: "When a managed certificate is ordered or renewed next, by vhost.",
  type: "gauge",
  labels: { certificate: "configured" },
  fold: "max",
};

/** All of them. */
export const METRICS: readonly MetricSpec[] = [EVENTS, FAILURES, NEXT_ATTEMPT];
