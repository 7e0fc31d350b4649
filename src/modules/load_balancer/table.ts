/**
 * Pools in a configuration: which proxy blocks have one, who its members are, and how the pool and
 * its memory are called.
 *
 * @module
 */
import { type NamedScope, scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import type { Config } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import { formatIp, parseIp } from "../../net/ip.ts";
import { isGlobal, type ProxyConfig, proxyOf } from "../proxy/table.ts";
import type { LoadBalanceConfig } from "./schema.ts";
import type { PoolConfig } from "./pool_config.ts";
import { streamProxy } from "./stream_proxy.ts";
import { pooledStreams } from "./stream_routes.ts";

/** Zone of the seeds and signing keys that all pools share. */
export const SECRETS_ZONE = "load-balancer secrets";
/** Zone of the time that all threads count by. */
export const CLOCK_ZONE = "load-balancer clock";

export type { PoolConfig } from "./pool_config.ts";

/** Where the members of a pool come from. */
export type PoolKind = "static" | "file" | "http" | "dns";

/** A pool of a configuration. */
export interface PoolTable {
  readonly proxy: PoolConfig;
  readonly scope: NamedScope;
  /** `vhosts[0].routes[1].proxy`, or `stream.routes[0]`. */
  readonly key: string;
  readonly kind: PoolKind;
}

/** The kind of pool that a block has; `undefined` where it has a single upstream or none. */
export function poolKind(proxy: ProxyConfig): PoolKind | undefined {
  if (proxy.load_balance === undefined || proxy.upstream !== undefined) return undefined;
  if (proxy.upstreams_file !== undefined) return "file";
  if (proxy.upstreams_http_url !== undefined) return "http";
  if (proxy.upstream_dns_refresh_secs !== undefined && proxy.upstreams.length > 0) return "dns";
  return proxy.upstreams.length > 1 ? "static" : undefined;
}

/** Keys of a block that {@linkcode poolKind} looks at. */
const SHAPE_KEYS = [
  "upstream",
  "upstreams",
  "upstreams_file",
  "upstreams_http_url",
  "upstream_dns_refresh_secs",
  "load_balance.selection",
];

/** What a thread is handed that only has to know which pools there are. */
export const POOL_SHAPE: readonly string[] = [
  "vhosts.name",
  "vhosts.routes.name",
  ...SHAPE_KEYS.flatMap((key) => [`vhosts.proxy.${key}`, `vhosts.routes.proxy.${key}`]),
  "stream.enabled",
  ...["name", "upstreams", "load_balance.selection"].map((key) => `stream.routes.${key}`),
];

/** The pool of a scope's own proxy block. */
export function poolIn(scope: RouteScope): PoolTable | undefined {
  const proxy = proxyOf(scope);
  const kind = proxy === undefined ? undefined : poolKind(proxy);
  if (kind === undefined) return undefined;
  const key = isGlobal(scope) ? "proxy" : `${scope.key}.proxy`;
  return { proxy: proxy as PoolConfig, scope, key, kind };
}

/** Every pool of a configuration. */
export function* poolTables(config: Config): Generator<PoolTable> {
  for (const scope of scopesOf(config)) {
    const pool = poolIn(scope);
    if (pool !== undefined) yield pool;
  }
  yield* streamPools(config);
}

/**
 * The pools of stream routes. Where pools are named by a vhost, in metrics, in the status and in operations, they
 * are `stream:NAME`.
 */
function* streamPools(config: Config): Generator<PoolTable> {
  for (const { route, key } of pooledStreams(config)) {
    const scope: NamedScope = {
      vhost: { name: streamPoolName(route.name), routes: [] },
      route: undefined,
    };
    yield { proxy: streamProxy(route), scope, key, kind: "static" };
  }
}

/** What the pool of a stream route is called beside those of vhosts. */
export function streamPoolName(route: string): string {
  return `stream:${route}`;
}

/** The same of what a service is handed, whose tables are whole. */
export function poolsOfPart(config: ConfigPart): PoolTable[] {
  return config.vhosts === undefined ? [] : [...poolTables(config as Config)];
}

/** A pool as the log names it. */
export function poolName({ vhost, route }: NamedScope): string {
  return route === undefined ? `pool ${vhost.name}` : `pool ${vhost.name}/${route.name}`;
}

/** Zone of the members of a pool. */
export function poolZone(scope: NamedScope): string {
  return zoneName("load-balancer", scope);
}

/** Zone of the sessions of a pool. */
export function sessionZone(scope: NamedScope): string {
  return zoneName("load-balancer sessions", scope);
}

const words = new Uint32Array(4);

/** The one text of the address of a member, `10.0.0.1:80` or `[::1]:80`; `undefined` for names. */
export function canonicalAddress(text: string): string | undefined {
  const parts = splitAuthority(text);
  if (parts === undefined || parts.port === 0) return undefined;
  const family = parseIp(parts.host, words);
  if (family === 0) return undefined;
  const host = formatIp(family, words);
  return family === 6 ? `[${host}]:${parts.port}` : `${host}:${parts.port}`;
}

/** Order of members: IPv4 before IPv6, then by number, then by port (spec 03 section 1.3). */
export function compareAddresses(one: string, other: string): number {
  const [a, b] = [sortKey(one), sortKey(other)];
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

function sortKey(address: string): number[] {
  const parts = splitAuthority(address);
  if (parts === undefined) return [0, 0, 0, 0, 0, 0];
  const family = parseIp(parts.host, words);
  return [family, words[0], words[1], words[2], words[3], parts.port];
}

/** Room for the keys of sessions that are saved, by the mode of persistence. */
const SAVED_KEY_BYTES = {
  "source-ip": 48,
  "managed-cookie": 16,
  header: 512,
  cookie: 512,
} as const;

/** The table of sessions that a pool needs: keys are kept only where they are to be saved. */
export function sessionsSize({ persistence, runtime_state_file: file }: LoadBalanceConfig): {
  readonly maxEntries: number;
  readonly keyBytes: number;
} {
  const { table_max_entries: maxEntries, mode } = persistence;
  return { maxEntries, keyBytes: file === undefined ? 0 : SAVED_KEY_BYTES[mode] };
}
