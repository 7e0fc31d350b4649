/** Metrics of the cache (spec 06 section B3). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import { SCOPE_LABELS } from "../../gateway/reports/own_metrics.ts";

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

/** Requests to purge, whatever they have found. */
export const PURGES: MetricSpec = {
  name: "fluxheim_cache_purges_total",
  help: "Purges that operators have asked for.",
  type: "counter",
  labels: {
    operation: ["exact", "bulk", "index", "prefix", "tag", "stale", "wildcard", "other"],
    ...SCOPE_LABELS,
    mode: ["normal", "soft", "dry_run", "other"],
  },
};

/** How long caches take over requests. */
export const OPERATION_DURATION: MetricSpec & { readonly buckets: readonly number[] } = {
  name: "fluxheim_cache_operation_duration_seconds",
  help: "Time of look-ups, and of waits for the fetch of another request.",
  type: "histogram",
  labels: {
    ...SCOPE_LABELS,
    phase: [
      "disabled",
      "uninitialized",
      "bypass",
      "key",
      "hit",
      "miss",
      "stale",
      "stale-updating",
      "expired",
      "revalidated",
      "revalidated-nocache",
      "other",
    ],
    operation: ["lookup", "lock_wait", "other"],
  },
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
};

/** Runs of the purger. */
export const PURGER_RUNS: MetricSpec = {
  name: "fluxheim_cache_purger_runs_total",
  help: "Runs of the purger of expired objects, by outcome.",
  type: "counter",
  labels: { outcome: ["skipped", "clean", "purged", "truncated", "error", "other"] },
};

/** Objects that runs of the purger have looked at. */
export const PURGER_ENTRIES: MetricSpec = {
  name: "fluxheim_cache_purger_entries_total",
  help: "Objects on disk that the purger has examined, found expired and removed.",
  type: "counter",
  labels: { result: ["scanned", "stale", "purged", "other"] },
};

/** How long runs of the purger take. */
export const PURGER_DURATION: MetricSpec & { readonly buckets: readonly number[] } = {
  name: "fluxheim_cache_purger_duration_seconds",
  help: "Time of a run of the purger, by outcome.",
  type: "histogram",
  labels: PURGER_RUNS.labels,
  buckets: [...OPERATION_DURATION.buckets, 30],
};

/** Levels over all caches, by what follows `fluxheim_cache_` (spec 06 section B5). */
export const LEVELS = {
  vhosts: "Vhosts of the configuration.",
  enabled_vhosts: "Vhosts with a cache.",
  tiered_vhosts: "Vhosts whose cache has memory and disk.",
  configured_routes: "Routes with a cache table of their own.",
  policy_routes: "Routes of the configuration.",
  enabled_routes: "Routes with a cache of their own.",
  tiered_routes: "Routes whose own cache has memory and disk.",
  memory_tiers: "Caches in memory.",
  disk_tiers: "Caches on disk.",
  lock_enabled_policies: "Caches that fetch an object once for all requests that wait for it.",
  lock_wait_timeout_max_seconds: "Longest time that a cache lets requests wait for such a fetch.",
  origin_protection_enabled_policies: "Caches with a bound on fetches under way.",
  origin_protection_max_concurrent_fills: "Highest of these bounds.",
  peer_fill_enabled_policies: "Caches that ask peers.",
  peer_fill_peers: "Peers that caches ask.",
  peer_fill_max_concurrent_requests: "Highest bound of requests to peers.",
  memory_entries: "Objects in memory.",
  memory_weighted_size_bytes: "Memory that objects take up.",
  memory_max_size_bytes: "Memory that objects may take up.",
  memory_fill_ratio_per_mille: "How full the memory is.",
  memory_purge_index_entries: "Objects in memory that purges by index find.",
  disk_entries: "Objects on disk.",
  disk_size_bytes: "Bytes of objects on disk.",
  disk_allocated_size_bytes: "Bytes on disk that are set aside for objects.",
  disk_free_size_bytes: "Bytes of the disk budget that are free.",
  disk_free_range_count: "Free ranges of storage bins.",
  disk_largest_free_range_bytes: "Largest free range of storage bins.",
  disk_bin_files: "Files of storage bins.",
  disk_max_size_bytes: "Bytes that objects on disk may take up.",
  disk_fill_ratio_per_mille: "How full the disk tiers are.",
  disk_purge_index_entries: "Objects on disk that purges by index find.",
} as const;

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
  PURGES,
  OPERATION_DURATION,
  PURGER_RUNS,
  PURGER_ENTRIES,
  PURGER_DURATION,
  ...Object.entries(LEVELS).map(([name, help]): MetricSpec => ({
    name: `fluxheim_cache_${name}`,
    help,
    type: "gauge",
    labels: {},
  })),
];
