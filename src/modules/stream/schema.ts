/** The `[stream]` table (spec 01 section 4). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import type { BalancedStream } from "../../gateway/stream_pool.ts";
import {
  alias,
  authority,
  count,
  enumWord,
  filePath,
  hostName,
  hostPattern,
  ipMatcher,
  label,
  list,
  listener,
  secs,
} from "../../config/schema/values.ts";

/** Most routes. */
const MAX_ROUTES = 128;
/** Most listeners, and most upstreams, of one route. */
export const MAX_ENDPOINTS = 64;
/** Most entries of a list of sources. */
const MAX_SOURCES = 256;
const MAX_TRUSTED = 512;
const MAX_WEIGHT = 1000;
const MAX_CONNECTIONS = 1_000_000;
/** Most entries of `match_sni`. */
const MAX_NAMES = 256;
/** Most entries of `match_alpn`. */
const MAX_PROTOCOLS = 16;

const proxyVersion = enumWord(["off", "v1", "v2"]);

/** A protocol as ALPN names it (RFC 7301): at most 255 bytes, here visible ASCII. */
function protocolName() {
  return z.string().regex(/^[!-~]{1,255}$/, "must be 1 to 255 visible ASCII characters");
}

/** Entries of `upstreams`, for the lists that name some of them. */
function someUpstreams() {
  return list(authority(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([]);
}

function pem() {
  return filePath({ trustedParent: true, links: true }).optional();
}

function sources() {
  return list(ipMatcher(), { max: MAX_SOURCES, unique: "exact" }).default([]);
}

const route = z.strictObject({
  name: label().describe("For metrics and the log; unique, whatever the case of its letters."),
  listen: list(listener(), { max: MAX_ENDPOINTS, unique: "exact" }).default([])
    .describe("Where connections are accepted. Each address in one route only, with its port."),
  listen_tls: list(listener(), { max: MAX_ENDPOINTS, unique: "exact" }).default([])
    .describe(
      "Where TLS connections are accepted and end: with the certificates, versions and client certificates of " +
        "`[tls]`. What is in them is passed on. No protocol is agreed on by ALPN.",
    ),
  match_sni: list(hostPattern(), { max: MAX_NAMES, unique: "exact" }).default([])
    .describe(
      "Take only TLS connections whose client asks for one of these names (SNI); TLS is not ended. Routes may then " +
        "share listeners with one another and with `server.tls_listen`.",
    ),
  match_alpn: list(protocolName(), { max: MAX_PROTOCOLS, unique: "exact" }).default([])
    .describe("Likewise, only those whose client offers one of these protocols (ALPN)."),
  upstream: authority().optional()
    .describe("Where connections go. Either this or `upstreams`."),
  upstreams: list(authority(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([])
    .describe("The same for several, which take turns."),
  upstream_weights: list(count({ min: 1, max: MAX_WEIGHT }), { max: MAX_ENDPOINTS }).default([])
    .describe(
      "Shares of the upstreams, one for each, at most 65535 in all: 1 and 2 are served as a, b, b.",
    ),
  upstream_aliases: list(alias(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([])
    .describe("Names of the upstreams for the log, one for each."),
  backup_upstreams: someUpstreams()
    .describe("Entries of `upstreams` that are used when no other one can be connected to."),
  drain_upstreams: someUpstreams()
    .describe("Entries of `upstreams` that get no new connections."),
  connect_timeout_secs: secs().default(5)
    .describe("Longest time for name, connection and handshake together, for each upstream tried."),
  idle_timeout_secs: secs().default(300)
    .describe("Longest time in which no byte moves in either direction."),
  max_connection_secs: secs().optional()
    .describe("Longest time that bytes are passed on, however many."),
  max_connection_bytes: count({ min: 1 }).optional()
    .describe("Most bytes in each direction. A connection that would pass on more is ended."),
  max_connections: count({ max: MAX_CONNECTIONS }).default(1024)
    .describe(
      "Most connections at a time, over all listeners of the route and all workers; 0: as many as " +
        "`server.limits.max_connections` lets in on each listener.",
    ),
  downstream_proxy_protocol: proxyVersion.default("off")
    .describe("PROXY header that every connection must begin with. Needs `trusted_proxies`."),
  trusted_proxies: list(ipMatcher({ canonical: true }), { max: MAX_TRUSTED }).default([])
    .describe("Peers that may send it; no others are served then."),
  allow_sources: sources()
    .describe("Clients that are served; empty for all."),
  deny_sources: sources()
    .describe("Clients that are not served, whatever `allow_sources` says."),
  upstream_proxy_protocol: proxyVersion.default("off")
    .describe("PROXY header that is sent to the upstream first. Not with `upstream_tls`."),
  upstream_tls: z.boolean().default(false).describe("Speak TLS to the upstream."),
  upstream_dns_allow_private_addresses: z.boolean().default(false)
    .describe(
      "Let names of upstreams lead to private, local and reserved addresses. Written addresses always may.",
    ),
  upstream_sni: hostName().optional()
    .describe("Name to ask for and to verify; the upstream's own host unless set."),
  upstream_verify_cert: z.boolean().default(true)
    .describe("Verify the upstream's certificate chain."),
  upstream_verify_hostname: z.boolean().default(true)
    .describe("Verify that the certificate is for the name asked for."),
  upstream_alternative_cn: hostName().optional()
    .describe("Name that the certificate must have in place of the one asked for."),
  upstream_ca_path: pem().describe("PEM bundle that replaces the platform's roots."),
  upstream_client_cert_path: pem().describe("Client certificate for the upstream (PEM)."),
  upstream_client_key_path: pem().describe("Key of that certificate (PEM)."),
});

/** `[stream]`. */
export const streamSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Pass TCP connections on. Needs `routes`."),
  access_log: z.boolean().default(false)
    .describe("Log one line for each connection at level `info`, with its client."),
  routes: list(route, { max: MAX_ROUTES }).default([])
    .describe("What is passed on where. None while `enabled` is false."),
});

/** A checked `[stream]` table. */
export type StreamConfig = Omit<Frozen<z.output<typeof streamSchema>>, "routes"> & {
  readonly routes: readonly StreamRouteConfig[];
};
/** One `[[stream.routes]]`. */
export type StreamRouteConfig =
  & Frozen<z.output<typeof route>>
  & Pick<BalancedStream, "load_balance">;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly stream?: StreamConfig;
  }
}
