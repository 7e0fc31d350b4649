/**
 * From `[proxy]` to what the dialler and the pools take.
 *
 * @module
 */
import { splitAuthority } from "../../http/authority.ts";
import type { UpstreamTimeouts } from "../../http/h1/client.ts";
import type { UpstreamTarget, UpstreamTls } from "../../net/dial/dial.ts";
import { unixPath } from "../../net/unix_address.ts";
import type { ProxyConfig } from "./schema.ts";
import type { UpstreamMaterial } from "./upstream_files.ts";

/** Time limits of an upstream that are not configured, in seconds. 0 in a configuration is no limit. */
const CONNECT_SECS = 5;
const READ_SECS = 60;
const SEND_SECS = 60;

/** What a program behind a unix socket is called where a host must be named: it is on this machine. */
const SOCKET_HOST = "localhost";

/** The `Host` for `origin` (`host:port` or `unix:/path`) where a client has named none. */
export function hostOf(origin: string): string {
  return unixPath(origin) === undefined ? origin : SOCKET_HOST;
}

/** The `Host` for a pool where a client has named none. */
export function balancedHost(proxy: ProxyConfig): string {
  return proxy.upstreams[0] ?? proxy.upstream_sni ?? SOCKET_HOST;
}

/** Where `origin` (`host:port` or `unix:/path`) is and how it is spoken to. */
export function targetOf(
  proxy: ProxyConfig,
  origin: string,
  material: UpstreamMaterial,
): UpstreamTarget {
  const path = unixPath(origin);
  const { host, port } = path === undefined
    ? splitAuthority(origin)!
    : { host: SOCKET_HOST, port: 0 };
  const { connect_timeout_secs: connect = CONNECT_SECS } = proxy;
  // A handshake gets as long as the connection: without a limit of its own it could last for ever.
  const { upstream_total_connection_timeout_secs: total = 2 * connect } = proxy;
  return {
    host,
    port,
    ...(path === undefined ? {} : { path }),
    version: versionOf(proxy),
    proxyProtocol: proxy.upstream_proxy_protocol,
    connectTimeoutMs: limitInMs(connect),
    totalConnectTimeoutMs: limitInMs(total),
    tls: proxy.upstream_tls ? tlsOf(proxy, host, material) : undefined,
  };
}

/** What is spoken with the upstream: without TLS there is nothing to choose by (spec 02 section 9.3). */
export function versionOf(proxy: ProxyConfig): ProxyConfig["upstream_http_version"] {
  const { upstream_http_version: version, upstream_tls: tls } = proxy;
  return version === "http1-and-http2" && !tls ? "http1" : version;
}

/** The time limits of exchanges with the upstream. */
export function timeoutsOf(proxy: ProxyConfig): UpstreamTimeouts {
  const { read_timeout_secs: read = READ_SECS, send_timeout_secs: send = SEND_SECS } = proxy;
  const { upstream_idle_timeout_secs: idle = 0 } = proxy;
  return { readMs: read * 1000, sendMs: send * 1000, idleMs: idle * 1000 };
}

function tlsOf(proxy: ProxyConfig, host: string, material: UpstreamMaterial): UpstreamTls {
  // A member of a pool from DNS has the name that it was found by.
  const named = proxy.upstream === undefined && proxy.upstreams.length > 0
    ? splitAuthority(proxy.upstreams[0])?.host
    : undefined;
  const serverName = proxy.upstream_sni ?? named ?? host;
  const names = [serverName];
  if (proxy.upstream_alternative_cn !== undefined) names.push(proxy.upstream_alternative_cn);
  const roots = proxy.upstream_ca_path;
  const { upstream_client_cert_path: cert, upstream_client_key_path: key } = proxy;
  return {
    serverName,
    verifyChain: proxy.upstream_verify_cert,
    verifyNames: proxy.upstream_verify_cert && proxy.upstream_verify_hostname ? names : [],
    roots: roots === undefined ? undefined : material.roots(roots),
    client: cert === undefined || key === undefined ? undefined : material.pair(cert, key),
  };
}

function limitInMs(secs: number): number | undefined {
  return secs === 0 ? undefined : secs * 1000;
}
