/**
 * Which keys of the 1.5 line belong to which module.
 *
 * @module
 */
import type { z } from "zod";
import { loadBalanceSchema } from "../schema/load_balance_schema.ts";
import type { Table } from "../schema/schema_walk.ts";
import type { TableScope } from "../types.ts";

/** A key that exists only where a module does. */
export interface ModuleKey {
  /** Below its scope, `proxy.load_balance`. */
  readonly path: readonly string[];
  readonly scopes: readonly TableScope[];
  readonly module: string;
  /** Says that the key has no effect even where its module is: it is then checked, and loads. */
  readonly inert?: (holder: Table) => InertTable | undefined;
}

/** A table of an absent module that would have no effect with the module either. */
export interface InertTable {
  readonly schema: z.ZodType;
  readonly because: string;
  readonly hint: string;
}

const EVERYWHERE: readonly TableScope[] = ["root", "vhost", "route"];

export const MODULE_KEYS: readonly ModuleKey[] = [
  ...keys("proxy", EVERYWHERE, "proxy"),
  ...keys("web", EVERYWHERE, "web"),
  ...keys("headers", EVERYWHERE, "headers"),
  ...keys("compression", EVERYWHERE, "compression"),
  ...keys("cache", EVERYWHERE, "cache"),
  ...keys("cache", ["root"], "cache_purger"),
  ...keys("stream-proxy", ["root"], "stream"),
  ...keys("udp-proxy", ["root"], "udp"),
  ...keys("geoip", ["root"], "geoip"),
  ...keys("admin", ["root"], "admin"),
  ...keys("metrics", ["root"], "metrics"),
  ...keys("metrics-otlp", ["root"], "metrics.otlp"),
  ...keys("otel-tracing", ["root"], "tracing"),
  ...keys("otel-otlp", ["root"], "tracing.otlp"),
  ...keys("tls", ["root", "vhost"], "tls"),
  ...keys("acme", ["root", "vhost"], "tls.acme"),
  ...keys("proxy", ["vhost"], "acme_challenge"),
  ...keys("php-fpm", ["vhost", "route"], "php"),
  ...keys("access", ["vhost", "route"], "access"),
  ...keys("rate-limit", ["vhost", "route"], "rate_limit"),
  ...keys("concurrency", ["vhost", "route"], "concurrency"),
  ...keys("proxy", ["route"], "grpc"),
  ...keys("traffic-mirror", EVERYWHERE, "proxy.mirror"),
  // The pages are files below a web root.
  ...keys("web", EVERYWHERE, "proxy.error_pages"),
  {
    path: ["proxy", "load_balance"],
    scopes: EVERYWHERE,
    module: "load-balancer",
    inert: (proxy) =>
      hasPool(proxy) ? undefined : {
        schema: loadBalanceSchema,
        because: "the block has no pool to choose from, at most one upstream",
        hint: "leave it out, or name several upstreams in a build with the load-balancer module",
      },
  },
  ...keys(
    "load-balancer",
    EVERYWHERE,
    "proxy.upstreams_file",
    "proxy.upstreams_file_refresh_secs",
    "proxy.upstreams_http_url",
    "proxy.upstreams_http_refresh_secs",
    "proxy.upstreams_http_bearer_token_file",
    "proxy.upstreams_http_allow_private_backends",
    "proxy.upstream_dns_refresh_secs",
    "proxy.upstream_dns_allow_private_backends",
    "proxy.upstream_weights",
    "proxy.upstream_priority_groups",
    "proxy.upstream_priority_group_min_active",
    "proxy.upstream_localities",
    "proxy.preferred_upstream_localities",
    "proxy.upstream_max_in_flight",
    "proxy.upstream_aliases",
    "proxy.upstream_tags",
    "proxy.backup_upstreams",
    "proxy.drain_upstreams",
    "proxy.disabled_upstreams",
  ),
];

/** Names of the keys in `scope` that some module of the 1.5 line owns, for hints. */
export function knownTables(scope: TableScope): readonly string[] {
  return MODULE_KEYS
    .filter((key) => key.path.length === 1 && key.scopes.includes(scope))
    .map((key) => key.path[0]);
}

function keys(
  module: string,
  scopes: readonly TableScope[],
  ...paths: readonly string[]
): readonly ModuleKey[] {
  return paths.map((path) => ({ path: path.split("."), scopes, module }));
}

/** Whether a proxy block names more than one upstream, or a place where they are found. */
function hasPool(proxy: Table): boolean {
  const several = Array.isArray(proxy.upstreams) && proxy.upstreams.length > 1;
  return several || proxy.upstreams_file !== undefined || proxy.upstreams_http_url !== undefined ||
    proxy.upstream_dns_refresh_secs !== undefined;
}
