/** What the commands `cache-key` and `cache-lookup` compare with what is expected. @module */

/** Expectations about lines of the output, by option: the name of the line. */
export const EXPECTATIONS: Readonly<Record<string, string>> = {
  "expect-reason": "reason",
  "expect-cache-lock-enabled": "cache_lock_enabled",
  "expect-cache-lock-wait-timeout-secs": "cache_lock_wait_timeout_secs",
  "expect-cache-predictor-enabled": "cache_predictor_enabled",
  "expect-origin-protection-enabled": "origin_protection_enabled",
  "expect-origin-protection-max-concurrent-fills": "origin_protection_max_concurrent_fills",
  "expect-peer-fill-enabled": "peer_fill_enabled",
  "expect-peer-fill-peers": "peer_fill_peers",
  "expect-peer-fill-max-concurrent-requests": "peer_fill_max_concurrent_requests",
  "expect-memory-tier-enabled": "memory_tier_enabled",
  "expect-disk-tier-enabled": "disk_tier_enabled",
  "expect-storage-tiers": "storage_tiers",
  "expect-scope": "scope",
  "expect-vhost": "vhost",
  "expect-route": "route",
  "expect-namespace": "namespace",
  "expect-key-namespace": "key_namespace",
  "expect-user-tag": "user_tag",
};
