/**
 * The pool of a stream route in the words of a proxy block, which is what pools are made of: one balancer for
 * both. What requests alone have is off.
 *
 * @module
 */
import type { PoolConfig } from "./pool_config.ts";
import type { LoadBalanceConfig } from "./schema.ts";
import type { PooledStream } from "./stream_routes.ts";

/** Parts of `load_balance` that streams have no keys for. */
export const OF_REQUESTS = {
  all_down_status: 502,
  member_ranges: [],
  persistence: {
    enabled: false,
    mode: "source-ip",
    ttl_secs: 300,
    table_max_entries: 65_536,
    managed_cookie_secure: true,
    managed_cookie_http_only: true,
    managed_cookie_same_site: "lax",
  },
  retry: {
    enabled: false,
    max_retries: 1,
    methods: ["GET", "HEAD", "OPTIONS"],
    statuses: [],
    status_ranges: [],
    budget_per_window: 0,
    budget_window_secs: 1,
  },
  queue: { max_waiting: 0, timeout_ms: 0, retry_interval_ms: 10 },
} as const satisfies Partial<LoadBalanceConfig>;

/** The proxy block that a route is to the balancer. */
export function streamProxy(route: PooledStream): PoolConfig {
  const { load_balance: balance } = route;
  return {
    upstreams: route.upstreams,
    upstream_weights: route.upstream_weights,
    upstream_aliases: route.upstream_aliases,
    backup_upstreams: route.backup_upstreams,
    drain_upstreams: route.drain_upstreams,
    disabled_upstreams: [],
    upstream_priority_groups: [],
    upstream_priority_group_min_active: 1,
    upstream_localities: [],
    preferred_upstream_localities: [],
    upstream_max_in_flight: [],
    upstream_tags: [],
    upstreams_file: undefined,
    upstreams_http_url: undefined,
    upstreams_http_bearer_token_file: undefined,
    upstream_dns_refresh_secs: undefined,
    upstreams_file_refresh_secs: 5,
    upstreams_http_refresh_secs: 5,
    upstreams_http_allow_private_backends: false,
    upstream_dns_allow_private_backends: false,
    upstream_dns_servers: [],
    upstream_tls: route.upstream_tls,
    upstream_sni: route.upstream_sni,
    upstream_verify_cert: route.upstream_verify_cert,
    upstream_verify_hostname: route.upstream_verify_hostname,
    upstream_ca_path: route.upstream_ca_path,
    upstream_client_cert_path: route.upstream_client_cert_path,
    upstream_client_key_path: route.upstream_client_key_path,
    upstream_http_version: "http1",
    upstream_proxy_protocol: route.upstream_proxy_protocol,
    upstream_tcp_fast_open: false,
    connect_timeout_secs: route.connect_timeout_secs,
    downstream_read_timeout_secs: 60,
    downstream_write_timeout_secs: 30,
    websocket: false,
    upgrade_protocols: [],
    load_balance: {
      ...OF_REQUESTS,
      ...balance,
      passive_health: {
        ...balance.passive_health,
        failure_statuses: [],
        failure_status_ranges: [],
      },
    },
  };
}
