/** Metrics of PHP (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/metrics.ts";

const LABELS: MetricSpec["labels"] = {
  vhost: "configured",
  method: "configured",
  outcome: "configured",
  status_class: "configured",
};

/** How long php-fpm took. */
export const DURATION: MetricSpec & { readonly buckets: readonly number[] } = {
  name: "fluxheim_php_request_duration_seconds",
  help: "Time that php-fpm took to answer, all attempts together, where it was asked.",
  type: "histogram",
  labels: LABELS,
  buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
};

/** All of them. */
export const METRICS: readonly MetricSpec[] = [
  {
    name: "fluxheim_php_requests_total",
    help: "Requests that PHP was asked for, by how they ended.",
    type: "counter",
    labels: LABELS,
  },
  DURATION,
  {
    name: "fluxheim_php_fpm_pool_idle_connections",
    help: "Kept connections to PHP that are idle.",
    type: "gauge",
    labels: { vhost: "configured", pool: "configured" },
  },
  {
    name: "fluxheim_php_stderr_events_total",
    help: "Answers of PHP that wrote to standard error.",
    type: "counter",
    labels: { vhost: "configured", state: ["emitted", "truncated", "other"] },
  },
  {
    name: "fluxheim_php_fpm_retries_total",
    help: "Requests that were sent to PHP once more, by why.",
    type: "counter",
    labels: { vhost: "configured", reason: ["connect_timeout", "connection_error", "other"] },
  },
  {
    name: "fluxheim_php_fpm_pool_events_total",
    help: "What happened to connections to PHP.",
    type: "counter",
    labels: {
      vhost: "configured",
      pool: "configured",
      event: ["connect", "reuse", "return", "drop_stale", "discard_full", "other"],
    },
  },
];
