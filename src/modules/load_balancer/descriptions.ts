/** The metrics of pools (spec 03 section 19). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import { SCOPE_LABELS } from "../../gateway/reports/own_metrics.ts";

/** What happened to requests, members and pools. */
export const EVENTS: MetricSpec = {
  name: "fluxheim_load_balancer_events_total",
  help: "Choices, outcomes and operations of pools.",
  type: "counter",
  labels: {
    ...SCOPE_LABELS,
    upstream: "configured",
    event: [
      "selected",
      "unavailable",
      "retry",
      "success",
      "failure",
      "ejected",
      "queue_waited",
      "queue_full",
      "queue_timeout",
      "persistence_hit",
      "persistence_miss",
      "persistence_fallback",
      "persistence_clear",
      "persistence_clear_invalid",
      "persistence_clear_not_found",
      "member_state",
      "member_state_invalid",
      "member_state_not_found",
      "member_weight",
      "member_weight_invalid",
      "member_weight_not_found",
      "discovery_success",
      "discovery_failure",
      "other",
    ],
  },
};

/** Pools of the configuration that serves. */
export const POOLS: MetricSpec = {
  name: "fluxheim_load_balancer_pools",
  help: "Pools by their selection.",
  type: "gauge",
  labels: { scope: ["vhost", "route"], selection: "configured" },
};

/** How long requests waited for a member. */
export const QUEUE_WAIT: MetricSpec & { readonly buckets: readonly number[] } = {
  name: "fluxheim_load_balancer_queue_wait_seconds",
  help: "Time that requests waited for a member of a pool.",
  type: "histogram",
  labels: { ...SCOPE_LABELS, outcome: ["waited", "timeout", "other"] },
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
};
