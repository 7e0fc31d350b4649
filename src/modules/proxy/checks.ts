/**
 * Rules of `[proxy]` that span keys (spec 02 section 9), and warnings for keys this runtime cannot honour.
 *
 * @module
 */
import { isIP } from "node:net";
import type { Config, Problem } from "../../config/types.ts";
import { splitAuthority } from "../../http/authority.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import { copyWarnings, forwardWarnings } from "./forwarded_fields.ts";
import type { AuthRequestConfig, ProxyConfig } from "./schema.ts";
import { unixPath } from "../../net/unix_address.ts";
import {
  authRequests,
  isBalanced,
  keyedOrigin,
  originOf,
  type ProxyTable,
  proxyTables,
} from "./table.ts";

/** Socket options the runtime has no call for. */
const INERT_KEYS = [
  "upstream_tcp_keepalive_idle_secs",
  "upstream_tcp_keepalive_interval_secs",
  "upstream_tcp_keepalive_count",
  "upstream_tcp_user_timeout_ms",
  "upstream_tcp_recv_buffer_bytes",
  "upstream_dscp",
  "upstream_tcp_fast_open",
] as const satisfies readonly (keyof ProxyConfig)[];

/** Keys that say how TLS is spoken, and nothing without it. */
const TLS_KEYS = [
  "upstream_sni",
  "upstream_alternative_cn",
  "upstream_verify_cert",
  "upstream_verify_hostname",
] as const satisfies readonly (keyof ProxyConfig)[];

/** Protocols that no entry of `upgrade_protocols` lets through, and what does instead. */
const OTHER_WAYS: ReadonlyMap<string, string> = new Map([
  ["websocket", "set websocket = true instead: it lets WebSocket handshakes through"],
  // Spec 02 section 9.6: this token is taken out of every request.
  ["h2c", 'upstream_http_version = "http2" speaks HTTP/2 to the upstream'],
]);

/** What is wrong with the proxy blocks of `config`. */
export function checkProxies(config: Config): Problem[] {
  const problems: Problem[] = [];
  const inert: string[] = [];
  for (const table of proxyTables(config)) {
    const { proxy, key } = table;
    problems.push(...checkSocket(table), ...checkProxy(proxy, key));
    for (const name of INERT_KEYS) {
      if (proxy[name] !== undefined && proxy[name] !== false) inert.push(`${key}.${name}`);
    }
  }
  for (const scope of scopesOf(config)) problems.push(...checkGrpc(scope));
  for (const { auth, key } of authRequests(config)) problems.push(...checkAuthRequest(auth, key));
  if (inert.length > 0) problems.push(inertKeys(inert));
  return problems;
}

function* checkGrpc({ route, key }: RouteScope): Generator<Problem> {
  if (route?.grpc?.enabled !== true) return;
  if (!route.grpc.require_content_type) {
    yield about(
      key,
      ["grpc.enabled"],
      problem(`${key}.grpc.require_content_type`, "must be true while grpc is enabled"),
    );
  }
  const version = route.proxy?.upstream_http_version ?? "http1";
  if (route.proxy === undefined || version === "http1") {
    yield about(
      key,
      ["proxy", "proxy.upstream_http_version"],
      problem(
        `${key}.grpc.enabled`,
        'needs a proxy action with upstream_http_version = "http2" or "http1-and-http2"',
      ),
    );
  } else if (version === "http1-and-http2" && !route.proxy.upstream_tls) {
    yield {
      ...about(
        key,
        ["proxy.upstream_tls"],
        problem(
          `${key}.proxy.upstream_http_version`,
          "is HTTP/1.1 to an upstream without TLS, over which gRPC does not work",
          'use "http2" for an upstream that speaks HTTP/2 in cleartext',
        ),
      ),
      warning: true,
    };
  }
}

function checkProxy(proxy: ProxyConfig, key: string): Problem[] {
  return [
    ...checkOrigin(proxy, key),
    ...checkTls(proxy, key),
    ...checkCleartext(proxy, key),
    ...checkVersion(proxy, key),
    ...checkUpgrades(proxy, key),
    ...checkSockets(proxy, key),
  ];
}

function* checkOrigin(proxy: ProxyConfig, key: string): Generator<Problem> {
  if (proxy.upstream !== undefined && proxy.upstreams.length > 0) {
    // Of `[proxy]` itself the loader says so, which lets a later file choose another way.
    yield about(
      key,
      ["upstream"],
      problem(
        `${key}.upstreams`,
        "must not be set together with upstream: upstreams are named in one way only",
      ),
    );
  } else if (proxy.upstreams.length > 1 && !isBalanced(proxy)) {
    yield {
      ...problem(
        `${key}.upstreams`,
        "only the first is used: the others need the load-balancer module, which this build does not have",
      ),
      warning: true,
    };
  }
}

/** The runtime can speak TLS on TCP connections only. */
function* checkSocket(table: ProxyTable): Generator<Problem> {
  const named = keyedOrigin(table);
  if (named === undefined || unixPath(named.origin) === undefined) return;
  if (table.proxy.upstream_tls) {
    yield problem(
      `${table.key}.upstream_tls`,
      `must be false for a unix socket; found true with "${named.origin}"`,
      "what is sent to a unix socket does not leave this machine",
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
    yield about(
      key,
      ["upstream_verify_cert"],
      problem(
        `${key}.upstream_sni`,
        "is required for an upstream that is an IP address, with upstream_verify_cert",
        "name the host of the origin's certificate",
      ),
    );
  }
  if (!proxy.upstream_verify_cert && proxy.upstream_verify_hostname) {
    yield about(
      key,
      ["upstream_verify_cert"],
      problem(
        `${key}.upstream_verify_hostname`,
        "must be false when upstream_verify_cert is false",
      ),
    );
  }
  if (proxy.upstream_ca_path !== undefined && !(proxy.upstream_tls && proxy.upstream_verify_cert)) {
    yield about(
      key,
      ["upstream_tls", "upstream_verify_cert"],
      problem(`${key}.upstream_ca_path`, "needs upstream_tls and upstream_verify_cert"),
    );
  }
  const cert = proxy.upstream_client_cert_path !== undefined;
  if (cert !== (proxy.upstream_client_key_path !== undefined)) {
    yield about(
      key,
      ["upstream_client_cert_path", "upstream_client_key_path"],
      problem(
        `${key}.upstream_client_${cert ? "key" : "cert"}_path`,
        "is missing: a client certificate and its key go together",
      ),
    );
  } else if (cert && !proxy.upstream_tls) {
    yield about(
      key,
      ["upstream_tls"],
      problem(`${key}.upstream_client_cert_path`, "needs upstream_tls"),
    );
  }
}

/** Keys that are set and do nothing, because the upstream is spoken to in cleartext. */
function* checkCleartext(proxy: ProxyConfig, key: string): Generator<Problem> {
  if (proxy.upstream_tls) return;
  for (const name of TLS_KEYS) {
    const value = proxy[name];
    if (value === undefined || value === true) continue;
    yield {
      ...about(
        key,
        ["upstream_tls"],
        problem(
          `${key}.${name}`,
          `${JSON.stringify(value)} has no effect without upstream_tls = true`,
        ),
      ),
      warning: true,
    };
  }
}

function* checkVersion(proxy: ProxyConfig, key: string): Generator<Problem> {
  const http2 = proxy.upstream_http_version !== "http1";
  const hasUpstream = originOf(proxy) !== undefined || isBalanced(proxy);
  if (http2 && !hasUpstream) {
    yield about(
      key,
      ["upstream", "upstreams"],
      problem(`${key}.upstream_http_version`, "needs an upstream"),
    );
  }
  for (const name of ["upstream_h2_max_streams", "upstream_h2_ping_interval_secs"] as const) {
    if (proxy[name] !== undefined && !http2) {
      yield about(
        key,
        ["upstream_http_version"],
        problem(
          `${key}.${name}`,
          `needs an upstream_http_version with HTTP/2; found ${proxy[name]} with "http1"`,
        ),
      );
    }
  }
  if (proxy.upstream_proxy_protocol !== "off" && !hasUpstream) {
    yield about(
      key,
      ["upstream", "upstreams"],
      problem(`${key}.upstream_proxy_protocol`, "needs an upstream"),
    );
  }
}

function* checkUpgrades(proxy: ProxyConfig, key: string): Generator<Problem> {
  const { upstream_http_version: version, websocket, upgrade_protocols: protocols } = proxy;
  if (version !== "http1") {
    const wanted = `needs upstream_http_version = "http1"; found "${version}"`;
    if (websocket) yield about(key, ["upstream_http_version"], problem(`${key}.websocket`, wanted));
    if (protocols.length > 0) {
      yield about(key, ["upstream_http_version"], problem(`${key}.upgrade_protocols`, wanted));
    }
  }
  for (const [index, name] of protocols.entries()) {
    const hint = OTHER_WAYS.get(name);
    if (hint === undefined) continue;
    yield problem(`${key}.upgrade_protocols[${index}]`, `must not list "${name}"`, hint);
  }
}

function* checkSockets(proxy: ProxyConfig, key: string): Generator<Problem> {
  const trio = [
    proxy.upstream_tcp_keepalive_idle_secs,
    proxy.upstream_tcp_keepalive_interval_secs,
    proxy.upstream_tcp_keepalive_count,
  ].filter((value) => value !== undefined).length;
  if (trio !== 0 && trio !== 3) {
    yield about(
      key,
      ["upstream_tcp_keepalive_interval_secs", "upstream_tcp_keepalive_count"],
      problem(
        `${key}.upstream_tcp_keepalive_idle_secs`,
        "goes together with upstream_tcp_keepalive_interval_secs and upstream_tcp_keepalive_count",
      ),
    );
  }
  if (proxy.upstream_tcp_user_timeout_ms !== undefined && trio !== 3) {
    yield about(key, [
      "upstream_tcp_keepalive_idle_secs",
      "upstream_tcp_keepalive_interval_secs",
      "upstream_tcp_keepalive_count",
    ], problem(`${key}.upstream_tcp_user_timeout_ms`, "needs the three tcp_keepalive keys"));
  }
}

function* checkAuthRequest(auth: AuthRequestConfig, key: string): Generator<Problem> {
  if (auth.url === undefined) {
    yield about(
      key,
      ["enabled"],
      problem(`${key}.url`, "is required when auth_request is enabled"),
    );
  } else if (new URL(auth.url).pathname === "/" && !auth.url.endsWith("/")) {
    yield problem(`${key}.url`, `must have a path; found "${auth.url}"`);
  }
  yield* forwardWarnings(auth.forward_headers, `${key}.forward_headers`);
  yield* copyWarnings(auth.allow_response_headers, `${key}.allow_response_headers`);
}

/** `problem`, which is about keys of the table at `key`, too. */
function about(key: string, names: readonly string[], problem: Problem): Problem {
  return { ...problem, about: names.map((name) => `${key}.${name}`) };
}

function problem(key: string, message: string, hint?: string): Problem {
  return hint === undefined ? { key, message } : { key, message, hint };
}

/** One warning for all of them: nothing depends on any. */
function inertKeys([first, ...others]: readonly string[]): Problem {
  const also = others.length === 0 ? "" : `; nor have ${others.join(", ")}`;
  return {
    key: first,
    message: `has no effect: the runtime has no way to set this socket option${also}`,
    warning: true,
  };
}
