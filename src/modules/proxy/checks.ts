/**
 * Rules of `[proxy]` that span keys (spec 02 section 9), and warnings for keys this runtime cannot honour.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { splitAuthority } from "../../config/values.ts";
import { isIP } from "node:net";
import { scopesOf } from "../../gateway/edge_policy.ts";
import { originOf, type ProxyConfig } from "./schema.ts";

/** Socket options the runtime has no call for. */
const INERT_KEYS = [
  "upstream_tcp_keepalive_idle_secs",
  "upstream_tcp_user_timeout_ms",
  "upstream_tcp_recv_buffer_bytes",
  "upstream_dscp",
] as const satisfies readonly (keyof ProxyConfig)[];

/** What is wrong with the proxy blocks of `config`. */
export function checkProxies(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const { vhost, route, key } of scopesOf(config)) {
    const proxy = route === undefined ? vhost.proxy : route.proxy;
    if (proxy !== undefined) problems.push(...checkProxy(proxy, `${key}.proxy`));
    if (route?.proxy !== undefined && originOf(route.proxy) === undefined) {
      problems.push(problem(`${key}.proxy`, "a route's proxy action needs an upstream"));
    }
    if (route?.grpc?.enabled === true) {
      const version = route.proxy?.upstream_http_version ?? "http1";
      if (route.proxy === undefined || version === "http1") {
        problems.push(problem(
          `${key}.grpc.enabled`,
          'needs a proxy action with upstream_http_version = "http2" or "http1-and-http2"',
        ));
      }
    }
  }
  return problems;
}

function checkProxy(proxy: ProxyConfig, key: string): Problem[] {
  return [
    ...checkOrigin(proxy, key),
    ...checkTls(proxy, key),
    ...checkVersion(proxy, key),
    ...checkSockets(proxy, key),
    ...checkAuthRequest(proxy, key),
  ];
}

function* checkOrigin(proxy: ProxyConfig, key: string): Generator<Problem> {
  if (proxy.upstream !== undefined && proxy.upstreams.length > 0) {
    yield problem(key, "has both upstream and upstreams");
  }
  if (proxy.upstreams.length > 1) {
    yield problem(
      `${key}.upstreams`,
      "two or more need the load-balancer module, which this build does not have",
    );
  }
}

function* checkTls(proxy: ProxyConfig, key: string): Generator<Problem> {
  const origin = originOf(proxy);
  const host = origin === undefined ? undefined : splitAuthority(origin)?.host;
  if (
    proxy.upstream_tls && proxy.upstream_verify_cert && proxy.upstream_sni === undefined &&
    host !== undefined && isIP(host) !== 0
  ) {
    yield problem(
      `${key}.upstream_sni`,
      "is required for an upstream that is an IP address, with upstream_verify_cert",
      "name the host of the origin's certificate",
    );
  }
  if (!proxy.upstream_verify_cert && proxy.upstream_verify_hostname) {
    yield problem(
      `${key}.upstream_verify_hostname`,
      "must be false when upstream_verify_cert is false",
    );
  }
  if (proxy.upstream_ca_path !== undefined && !(proxy.upstream_tls && proxy.upstream_verify_cert)) {
    yield problem(`${key}.upstream_ca_path`, "needs upstream_tls and upstream_verify_cert");
  }
  const cert = proxy.upstream_client_cert_path !== undefined;
  if (cert !== (proxy.upstream_client_key_path !== undefined)) {
    yield problem(
      `${key}.upstream_client_${cert ? "key" : "cert"}_path`,
      "is missing: a client certificate and its key go together",
    );
  } else if (cert && !proxy.upstream_tls) {
    yield problem(`${key}.upstream_client_cert_path`, "needs upstream_tls");
  }
}

function* checkVersion(proxy: ProxyConfig, key: string): Generator<Problem> {
  const http2 = proxy.upstream_http_version !== "http1";
  const origin = originOf(proxy);
  if (http2 && origin === undefined) {
    yield problem(`${key}.upstream_http_version`, "needs an upstream");
  }
  for (const name of ["upstream_h2_max_streams", "upstream_h2_ping_interval_secs"] as const) {
    if (proxy[name] !== undefined && !http2) {
      yield problem(`${key}.${name}`, "needs an upstream_http_version with HTTP/2");
    }
  }
  if (proxy.upstream_proxy_protocol !== "off" && origin === undefined) {
    yield problem(`${key}.upstream_proxy_protocol`, "needs an upstream");
  }
  if (proxy.websocket && http2) {
    yield problem(`${key}.websocket`, 'needs upstream_http_version = "http1"');
  }
  if (proxy.upgrade_protocols.length > 0 && http2) {
    yield problem(`${key}.upgrade_protocols`, 'needs upstream_http_version = "http1"');
  }
}

function* checkSockets(proxy: ProxyConfig, key: string): Generator<Problem> {
  const trio = [
    proxy.upstream_tcp_keepalive_idle_secs,
    proxy.upstream_tcp_keepalive_interval_secs,
    proxy.upstream_tcp_keepalive_count,
  ].filter((value) => value !== undefined).length;
  if (trio !== 0 && trio !== 3) {
    yield problem(
      `${key}.upstream_tcp_keepalive_idle_secs`,
      "goes together with upstream_tcp_keepalive_interval_secs and upstream_tcp_keepalive_count",
    );
  }
  if (proxy.upstream_tcp_user_timeout_ms !== undefined && trio !== 3) {
    yield problem(`${key}.upstream_tcp_user_timeout_ms`, "needs the three tcp_keepalive keys");
  }
  for (const name of INERT_KEYS) {
    if (proxy[name] !== undefined) yield inert(`${key}.${name}`);
  }
  if (proxy.upstream_tcp_fast_open) yield inert(`${key}.upstream_tcp_fast_open`);
}

function* checkAuthRequest(proxy: ProxyConfig, key: string): Generator<Problem> {
  const auth = proxy.auth_request;
  if (auth?.enabled !== true) return;
  if (auth.url === undefined) {
    yield problem(`${key}.auth_request.url`, "is required when auth_request is enabled");
  } else if (new URL(auth.url).pathname === "/" && !auth.url.endsWith("/")) {
    yield problem(`${key}.auth_request.url`, "must have a path");
  }
}

function problem(key: string, message: string, hint?: string): Problem {
  return hint === undefined ? { key, message } : { key, message, hint };
}

function inert(key: string): Problem {
  return {
    key,
    message: "has no effect: the runtime has no way to set this socket option",
    warning: true,
  };
}
