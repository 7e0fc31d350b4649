/**
 * What the commands `cache-key` and `cache-lookup` say about a request: which cache it comes to, whether it may
 * be stored, and under which key (spec 04 section 14). No upstream is asked.
 *
 * @module
 */
import type { Config, RouteConfig, VhostConfig } from "../../../config/types.ts";
import { HostTable } from "../../../gateway/route/host_table.ts";
import { RouteTable } from "../../../gateway/route/route_table.ts";
import type { RouteScope } from "../../../gateway/module.ts";
import { Fields } from "../../../http/fields.ts";
import { fullKey, type Identity, IMAGE_KIND, primaryHash } from "../key/key.ts";
import { NO_VARIANCE, varianceOf } from "../key/vary.ts";
import { extensionOf } from "../policy/paths.ts";
import { policyOf } from "../policy/policy.ts";
import { RequestRules } from "../policy/request_rules.ts";
import { withPreset } from "../presets.ts";
import type { CacheConfig } from "../schema.ts";
import { cacheOf, type CacheTable, userTag } from "../table.ts";

/** A request as a command line describes it. */
export interface Described {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly scheme: "http" | "https";
  readonly port: string;
}

/** What is to be printed, in this order; `undefined` is left out. */
export type Preview = Readonly<Record<string, string | number | boolean | undefined>>;

/** Works out what would become of `request`. */
export function previewOf(config: Config, request: Described): Preview {
  const { vhost, route } = placeOf(config, request);
  const table = route?.cache ?? vhost.cache;
  const cache = table && withPreset(table);
  const isRoutes = route?.cache !== undefined;
  const scope: RouteScope = { config, vhost, route: isRoutes ? route : undefined, key: "" };
  const reason = ineligible(cache, request);
  return {
    vhost: vhost.name,
    scope: isRoutes ? "route" : "vhost",
    route: isRoutes ? route?.name : undefined,
    eligible: reason === undefined,
    ...policyLines(cache),
    reason,
    ...(cache === undefined || reason !== undefined ? {} : keyLines(cache, scope, request)),
  };
}

/** The cache that a request comes to; `undefined` where there is none at work. */
export function cacheTableOf(config: Config, request: Described): CacheTable | undefined {
  const { vhost, route } = placeOf(config, request);
  return cacheOf({ config, vhost, route, key: "" });
}

function placeOf(
  { vhosts, server }: Config,
  { host, method, path }: Described,
): { readonly vhost: VhostConfig; readonly route: RouteConfig | undefined } {
  const hosts = new HostTable(vhosts, { defaultVhost: server.default_vhost, strict: false });
  const selected = hosts.select(host, host);
  const vhost = vhosts[typeof selected === "string" ? 0 : selected];
  const match = new RouteTable(vhost.routes).match(method, path);
  return { vhost, route: match === undefined ? undefined : vhost.routes[match.index] };
}

function ineligible(cache: CacheConfig | undefined, request: Described): string | undefined {
  if (cache === undefined || !cache.enabled) return "selected cache policy is disabled";
  if (!cache.memory.enabled && !cache.disk.enabled) {
    return "selected cache policy has no enabled storage tier";
  }
  const { method, path, query } = request;
  const fields = Fields.of(...request.headers);
  const bypass = new RequestRules(cache).bypass({ request: fields, method, path, query });
  if (bypass === "method-head") return "method HEAD currently bypasses proxy cache storage";
  if (bypass !== undefined) return bypass;
  const policy = policyOf(cache);
  if (method !== "GET" || !policy.methods.has(method)) {
    return `method ${method} is not allowed by selected cache policy`;
  }
  return policy.isStandard === true || policy.extensions.has(extensionOf(path))
    ? undefined
    : "path or query is not admitted by selected image cache policy";
}

function policyLines(cache: CacheConfig | undefined): Preview {
  const memory = cache?.memory.enabled === true;
  const disk = cache?.disk.enabled === true;
  return {
    cache_lock_enabled: cache?.lock.enabled ?? false,
    cache_lock_wait_timeout_secs: cache?.lock.wait_timeout_secs ?? 0,
    cache_predictor_enabled: cache?.predictor.enabled ?? false,
    origin_protection_enabled: cache?.origin_protection.enabled ?? false,
    origin_protection_max_concurrent_fills: cache?.origin_protection.max_concurrent_fills ?? 0,
    peer_fill_enabled: cache?.peer_fill.enabled ?? false,
    peer_fill_peers: cache?.peer_fill.peers.length ?? 0,
    peer_fill_max_concurrent_requests: cache?.peer_fill.max_concurrent_requests ?? 0,
    peer_fill_fail_open: cache?.peer_fill.fail_open ?? false,
    memory_tier_enabled: memory,
    disk_tier_enabled: disk,
    storage_tiers: Number(memory) + Number(disk),
  };
}

function keyLines(cache: CacheConfig, owner: RouteScope, request: Described): Preview {
  const { method, host, path, query = "", scheme, port } = request;
  const identity: Identity = { method, host, path, query, scheme, port };
  const primary = policyOf(cache).keys.primary(identity);
  const names = [...cache.vary_request_headers].sort();
  const variance = varianceOf(names, Fields.of(...request.headers));
  const tag = userTag({ config: cache, owner, key: "" });
  return {
    namespace: IMAGE_KIND,
    key_namespace: cache.key_namespace,
    primary_key: primary,
    primary_hash: primaryHash(primary),
    variance_hash: variance.length === 0 ? undefined : variance.toHex(),
    combined_hash: fullKey(tag, primary, variance.length === 0 ? NO_VARIANCE : variance),
    user_tag: tag,
  };
}
