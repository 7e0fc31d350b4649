/** The metrics of requests (spec 06 sections B3 and B4, and beyond). @module */
import { DURATION_BUCKETS, type MetricSpec } from "../../gateway/reports/metrics.ts";

/** `method` (spec 06 section B2). */
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

/** `class`, by the status class; `proxy_error` goes before. */
export const CLASSES = [
  "unknown",
  "informational",
  "success",
  "redirect",
  "client_error",
  "server_error",
  "other",
] as const;

/** `status_class`. */
export const STATUS_CLASSES = ["unknown", "1xx", "2xx", "3xx", "4xx", "5xx", "other"] as const;

/** Causes of refusals (`Refusal.cause`) that are shown by name. */
export const CAUSES = [
  "host",
  "path",
  "access",
  "rate_limit",
  "concurrency",
  "framing",
  "body",
  "https_redirect",
  "grpc",
  "rewrite",
  "redirect",
  "no_content",
  "static_path",
  "static_io",
  "static_too_large",
  "content",
  "auth_request",
  "upstream",
  "no_upstream",
  "stopped",
  "fault",
  "other",
] as const;

/** Requests. */
export const REQUESTS: MetricSpec = {
  name: "fluxheim_proxy_requests_total",
  help: "Finished requests.",
  type: "counter",
  labels: {
    vhost: "configured",
    method: METHODS,
    class: [...CLASSES, "proxy_error"],
    status_class: STATUS_CLASSES,
  },
};

/** Requests that were refused. */
export const REJECTED: MetricSpec = {
  name: "fluxheim_requests_rejected_total",
  help: "Requests that the gateway refused or could not serve, by cause.",
  type: "counter",
  labels: { vhost: "configured", cause: CAUSES },
};

/** From the end of the head to the last byte of the answer. */
export const REQUEST_DURATION: MetricSpec = {
  name: "fluxheim_request_duration_seconds",
  help: "Time from a complete request head to the last byte of the answer.",
  type: "histogram",
  labels: { vhost: "configured", route: "configured" },
  buckets: DURATION_BUCKETS,
};

/** From the first attempt to the head of the answer. */
export const UPSTREAM_DURATION: MetricSpec = {
  name: "fluxheim_upstream_duration_seconds",
  help: "Time from the first attempt at an upstream to the head of its answer, or to its failure.",
  type: "histogram",
  labels: { vhost: "configured", route: "configured" },
  buckets: DURATION_BUCKETS,
};

/** Bytes of bodies. */
export const BODY_BYTES: MetricSpec = {
  name: "fluxheim_body_bytes_total",
  help: "Bytes of bodies, as they went over the wire without their framing.",
  type: "counter",
  labels: { vhost: "configured", direction: ["request", "response"] },
};

/** All of them. */
export const METRICS: readonly MetricSpec[] = [
  REQUESTS,
  REJECTED,
  REQUEST_DURATION,
  UPSTREAM_DURATION,
  BODY_BYTES,
];
