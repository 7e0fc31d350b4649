/** Metrics of PHP (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import type { Outcome } from "./answer/outcome.ts";

/** `method`; the last one is every other method. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "OTHER",
] as const;

/** `outcome`: those that Fluxheim 1.5 has no word for are `other`, but for our own, which come after. */
export const OUTCOMES = [
  "declined",
  "redirect",
  "forbidden",
  "not_found",
  "fpm_error",
  "connect_timeout",
  "request_timeout",
  "connection_error",
  "configuration_error",
  "invalid_response",
  "intercepted",
  "offload",
  "offload_error",
  "response",
  "other",
  "static_cache",
] as const satisfies readonly Outcome[];

/** `status_class` by the first digit of the status; one that has passed on has none. */
export const CLASSES = ["unknown", "1xx", "2xx", "3xx", "4xx", "5xx", "other"] as const;

const LABELS: MetricSpec["labels"] = {
  vhost: "configured",
  method: METHODS,
  outcome: OUTCOMES,
  status_class: CLASSES,
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
