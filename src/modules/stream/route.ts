/** A stream route as a worker serves it: everything that does not depend on the connection. @module */
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { SnapshotContext } from "../../gateway/module.ts";
import type { StreamPool } from "../../gateway/stream_pool.ts";
import type { UpstreamMaterial } from "../../gateway/upstream_files.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { UpstreamTarget, UpstreamTls } from "../../net/dial/dial.ts";
import { IpSet } from "../../net/ip_set.ts";
import type { RelayLimits } from "../../net/relay.ts";
import { type Count, count } from "../../zones/count.ts";
import { type Cursor, cursor } from "../../zones/cursor.ts";
import { Rotation } from "./rotation.ts";
import type { StreamRouteConfig } from "./schema.ts";
import { Sources } from "./sources.ts";
import { connectionsZone, turnZone, upstreamsOf } from "./table.ts";

/** How a connection ended; a label of the counters. */
export const OUTCOMES = [
  "completed",
  "rejected",
  "connect_error",
  "timeout",
  "shutdown",
  "error",
] as const;

/** One of these. */
export type Outcome = typeof OUTCOMES[number];

/** An upstream of a route. */
export interface StreamUpstream {
  /** Its alias or its address, for the log. */
  readonly label: string;
  readonly weight: number;
  readonly target: UpstreamTarget;
}

/** One route of one snapshot. */
export interface StreamRoute {
  readonly name: string;
  readonly header: "off" | "v1" | "v2";
  readonly trusted: IpSet;
  readonly sources: Sources;
  readonly rotation: Rotation<StreamUpstream>;
  /** Chooses in place of the rotation, where the route has a table `load_balance`. */
  readonly pool: StreamPool | undefined;
  /** The upstream at the address of a member of that pool. */
  memberAt(address: string, label: string): StreamUpstream;
  readonly limits: RelayLimits;
  /** `Infinity` for no bound of the route's own. */
  readonly maxConnections: number;
  /** Connections of the route, over all workers. */
  readonly connections: Count;
  /** Turns that its upstreams take, over all workers. */
  readonly turn: Cursor;
  readonly outcomes: Readonly<Record<Outcome, Counter>>;
  readonly sent: Counter;
  readonly received: Counter;
}

/** Makes a route of its table. */
export function streamRoute(
  route: StreamRouteConfig,
  { zones, metrics }: Pick<SnapshotContext, "zones" | "metrics">,
  material: UpstreamMaterial,
  pool?: StreamPool,
): StreamRoute {
  const members = new Map<string, StreamUpstream>();
  const counter = (outcome: Outcome) =>
    metrics.counter("fluxheim_stream_connections_total", { route: route.name, outcome });
  const bytes = (direction: string) =>
    metrics.counter("fluxheim_stream_bytes_total", { route: route.name, direction });
  return {
    name: route.name,
    header: route.downstream_proxy_protocol,
    trusted: IpSet.of(route.trusted_proxies),
    sources: new Sources(route.allow_sources, route.deny_sources),
    rotation: rotationOf(route, material),
    pool,
    memberAt(address, label) {
      let member = members.get(address);
      if (member === undefined) {
        member = { label, weight: 1, target: targetOf(route, address, material) };
        members.set(address, member);
      }
      return member;
    },
    limits: {
      idleMs: route.idle_timeout_secs * 1000,
      totalMs: (route.max_connection_secs ?? 0) * 1000,
      maxBytes: route.max_connection_bytes ?? Infinity,
      acceptsTruncation: false,
    },
    maxConnections: route.max_connections === 0 ? Infinity : route.max_connections,
    connections: zones.open(count, connectionsZone(route)),
    turn: zones.open(cursor, turnZone(route)),
    outcomes: {
      completed: counter("completed"),
      rejected: counter("rejected"),
      connect_error: counter("connect_error"),
      timeout: counter("timeout"),
      shutdown: counter("shutdown"),
      error: counter("error"),
    },
    sent: bytes("downstream_to_upstream"),
    received: bytes("upstream_to_downstream"),
  };
}

function rotationOf(route: StreamRouteConfig, material: UpstreamMaterial) {
  const isIn = (list: readonly string[], entry: string) =>
    list.some((other) => other.toLowerCase() === entry.toLowerCase());
  const primaries: StreamUpstream[] = [];
  const backups: StreamUpstream[] = [];
  for (const [index, entry] of upstreamsOf(route).entries()) {
    if (isIn(route.drain_upstreams, entry)) continue;
    const upstream = {
      label: route.upstream_aliases[index] ?? entry,
      weight: route.upstream_weights[index] ?? 1,
      target: targetOf(route, entry, material),
    };
    (isIn(route.backup_upstreams, entry) ? backups : primaries).push(upstream);
  }
  return new Rotation(primaries, backups);
}

function targetOf(
  route: StreamRouteConfig,
  entry: string,
  material: UpstreamMaterial,
): UpstreamTarget {
  const { host, port } = splitAuthority(entry)!;
  const limitMs = route.connect_timeout_secs * 1000;
  return {
    host,
    port,
    tls: route.upstream_tls ? tlsOf(route, host, material) : undefined,
    version: "opaque",
    proxyProtocol: route.upstream_proxy_protocol,
    refusesRestricted: !route.upstream_dns_allow_private_addresses,
    connectTimeoutMs: limitMs,
    totalConnectTimeoutMs: limitMs,
  };
}

function tlsOf(route: StreamRouteConfig, host: string, material: UpstreamMaterial): UpstreamTls {
  const serverName = route.upstream_sni ?? host;
  const { upstream_ca_path: roots } = route;
  const { upstream_client_cert_path: cert, upstream_client_key_path: key } = route;
  const verifies = route.upstream_verify_cert && route.upstream_verify_hostname;
  return {
    serverName,
    verifyChain: route.upstream_verify_cert,
    verifyNames: verifies ? [route.upstream_alternative_cn ?? serverName] : [],
    roots: roots === undefined ? undefined : material.roots(roots),
    client: cert === undefined || key === undefined ? undefined : material.pair(cert, key),
  };
}
