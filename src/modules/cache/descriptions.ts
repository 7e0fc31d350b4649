/** Metrics of the cache (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/metrics.ts";
import { SCOPE_LABELS } from "../../gateway/own_metrics.ts";

const LABELS: MetricSpec["labels"] = {
  tier: ["memory", "disk", "policy", "other"],
  event: [
    "hit",
    "miss",
    "store",
    "store_refusal",
    "eviction",
    "purge",
    "pass",
    "bypass",
    "stale",
    "revalidate",
    "peer_fill_hit",
    "peer_fill_miss",
    "peer_fill_error",
    "peer_fill_fallback",
    "peer_fill_fail_closed",
    "origin_protected",
    "other",
  ],
};

/** All of them. */
export const METRICS: readonly MetricSpec[] = [
  {
    name: "fluxheim_cache_activity_total",
    help: "What caches did, over all of them.",
    type: "counter",
    labels: LABELS,
  },
  {
    name: "fluxheim_cache_activity_scope_total",
    help: "What caches did, by vhost and route.",
    type: "counter",
    labels: { ...SCOPE_LABELS, ...LABELS },
  },
];
