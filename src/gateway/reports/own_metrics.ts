/**
 * Metrics of the gateway itself, and those that several modules feed.
 *
 * @module
 */
import type { MetricSpec } from "./metrics.ts";

/** Labels of a scope (spec 06 section B2). */
export const SCOPE_LABELS: MetricSpec["labels"] = {
  scope: ["vhost", "route"],
  vhost: "configured",
  route: "configured",
};

/** What the gateway counts, whatever modules are in it. */
export const GATEWAY_METRICS: readonly MetricSpec[] = [
  {
    name: "fluxheim_host_routing_rejections_total",
    help: "Requests refused because no vhost serves their host.",
    type: "counter",
    labels: { reason: ["missing", "invalid", "unknown", "other"] },
  },
  {
    name: "fluxheim_edge_policy_events_total",
    help: "Decisions of access rules, limits, auth requests and mirrors.",
    type: "counter",
    labels: {
      ...SCOPE_LABELS,
      policy: [
        "access",
        "rate_limit",
        "concurrency",
        "auth_request",
        "auth_basic",
        "auth_jwt",
        "mirror",
        "other",
      ],
      outcome: ["deny", "allow", "delay", "reject", "error", "success", "skipped", "other"],
    },
  },
];
