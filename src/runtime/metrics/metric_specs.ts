/**
 * Every metric of a build: those of the runtime and of the gateway, then what each module brings.
 *
 * @module
 */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import type { Module } from "../../gateway/module.ts";
import { GATEWAY_METRICS } from "../../gateway/reports/own_metrics.ts";

/** What the runtime counts: of threads, of listeners, of the log and of counting itself. */
export const RUNTIME_METRICS: readonly MetricSpec[] = [
  {
    name: "fluxheim_connections",
    help: "Open connections by listener.",
    type: "gauge",
    labels: { listener: "configured" },
  },
  {
    name: "fluxheim_connections_accepted_total",
    help: "Connections that reached a protocol, by listener and protocol.",
    type: "counter",
    labels: { listener: "configured", protocol: "configured" },
  },
  {
    name: "fluxheim_connections_rejected_total",
    help: "Connections that were closed before they could ask for anything, by reason.",
    type: "counter",
    labels: {
      listener: "configured",
      reason: [
        "max_connections",
        "proxy_untrusted",
        "proxy_invalid",
        "proxy_timeout",
        "tls_busy",
        "tls_timeout",
        "tls_handshake",
        "tls_client_certificate",
        "other",
      ],
    },
  },
  {
    name: "fluxheim_tls_handshakes_total",
    help: "TLS handshakes that were completed, by version.",
    type: "counter",
    labels: { listener: "configured", version: ["TLSv1.2", "TLSv1.3", "other"] },
  },
  {
    name: "fluxheim_http2_streams",
    help: "HTTP/2 requests under way.",
    type: "gauge",
    labels: {},
  },
  {
    name: "fluxheim_service_up",
    help: "Whether a service of the process runs, by its role.",
    type: "gauge",
    labels: { role: "configured" },
  },
  {
    name: "fluxheim_workers",
    help: "Edge workers that accept connections.",
    type: "gauge",
    labels: {},
  },
  {
    name: "fluxheim_requests_in_flight",
    help: "Requests under way, of every protocol.",
    type: "gauge",
    labels: {},
  },
  {
    name: "fluxheim_worker_event_loop_lag_seconds",
    help: "How late the clock of a worker ticked at most, over the last five seconds.",
    type: "gauge",
    labels: { worker: "configured" },
    fold: "max",
  },
  {
    name: "fluxheim_worker_heap_used_bytes",
    help: "Heap of a worker that is in use.",
    type: "gauge",
    labels: { worker: "configured" },
    fold: "max",
  },
  {
    name: "fluxheim_worker_heap_limit_bytes",
    help: "Size at which the heap of a worker is full.",
    type: "gauge",
    labels: { worker: "configured" },
    fold: "max",
  },
  {
    name: "fluxheim_worker_seen_timestamp_seconds",
    help: "When the event loop of a worker last ran; one that hangs keeps its last values.",
    type: "gauge",
    labels: { worker: "configured" },
    fold: "max",
  },
  {
    name: "fluxheim_log_lines_lost_total",
    help: "Log lines that found no room while the log could not be written.",
    type: "counter",
    labels: {},
  },
  {
    name: "fluxheim_metrics_overflow_total",
    help: "Counts of series that found no room.",
    type: "counter",
    labels: {},
  },
];

/** Those of a build with `modules`, each name once. */
export function metricsOf(modules: readonly Module[]): readonly MetricSpec[] {
  const specs = new Map<string, MetricSpec>();
  const all = [
    ...RUNTIME_METRICS,
    ...GATEWAY_METRICS,
    ...modules.flatMap(({ metrics = [] }) => metrics),
  ];
  for (const spec of all) if (!specs.has(spec.name)) specs.set(spec.name, spec);
  return [...specs.values()];
}
