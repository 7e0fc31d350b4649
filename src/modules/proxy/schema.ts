/**
 * `[proxy]`, `[vhosts.proxy]` and `[vhosts.routes.proxy]` (spec 02 section 9), and
 * `[vhosts.routes.grpc]` (section 4.7).
 *
 * @module
 */
import { z } from "zod";
import {
  authorityOrSocket,
  byteSize,
  count,
  enumWord,
  filePath,
  headerName,
  hostName,
  httpUrl,
  list,
  millis,
  secs,
  valueKinds,
} from "../../config/schema/values.ts";
import { protections } from "../../config/schema/remarks.ts";
import { isToken } from "../../http/chars.ts";
import type { Frozen } from "../../config/frozen.ts";

export const MAX_UPSTREAMS = 64;
const MAX_FORWARDED_HEADERS = 32;
const MAX_SOCKET_BUFFER_BYTES = 256 * 1024 * 1024;
const MIB = 1024 * 1024;

/** The name of a protocol as `Upgrade` has it (RFC 9110 section 7.8), in lower case. */
function upgradeProtocol() {
  const form = 'the name of a protocol without a version, such as "tcp"';
  return z.string().refine(isToken, { error: `must be ${form}` }).toLowerCase()
    .register(valueKinds, { type: "protocol", allowed: "name without version" });
}

export const authRequestSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Ask the auth service before each request."),
  url: httpUrl().optional().describe("The auth service, with a path. Required when enabled."),
  forward_headers: list(headerName(), { max: MAX_FORWARDED_HEADERS, unique: "nocase" }).default([])
    .describe("Request headers the auth service sees."),
  allow_response_headers: list(headerName(), { max: MAX_FORWARDED_HEADERS, unique: "nocase" })
    .default([]).describe("Headers of its answer that are copied onto the upstream request."),
  connect_timeout_secs: secs().default(2).describe("Longest wait for a connection to it."),
  read_timeout_secs: secs().default(5).describe("Longest wait for its answer."),
  max_response_bytes: byteSize({ max: MIB }).default(64 * 1024)
    .describe("Largest answer body it may send."),
  pass_redirects: z.boolean().default(false).describe(
    "Send clients where the service does, to a page to log in, with its cookies. Off: 500, as in 1.5. Ours.",
  ),
}).register(protections, { undone: "authenticated" });

/** `[proxy]` and its like. Sub-tables of other modules (`error_pages`, `mirror`) are added by them. */
export const proxySchema = z.strictObject({
  upstream: authorityOrSocket().optional().describe(
    "The origin to forward to: a host and port, or a unix socket. The path of a socket is absolute or begins at the directory of its configuration file.",
  ),
  upstreams: list(authorityOrSocket(), { max: MAX_UPSTREAMS, unique: "nocase" }).default([])
    .describe("Origins to choose from; two or more need the load-balancer module."),
  upstream_tls: z.boolean().default(false).describe("Speak TLS to the origin."),
  upstream_sni: hostName().optional()
    .describe("Name to ask for and to verify; the origin's own host unless set."),
  upstream_verify_cert: z.boolean().default(true).describe(
    "Verify the origin's certificate chain.",
  ),
  upstream_verify_hostname: z.boolean().default(true)
    .describe("Verify that the certificate is for the name asked for."),
  upstream_alternative_cn: hostName().optional().describe(
    "One more name the certificate may have.",
  ),
  upstream_ca_path: filePath({ trustedParent: true, links: true }).optional()
    .describe("PEM bundle that replaces the platform's roots."),
  upstream_client_cert_path: filePath({ trustedParent: true, links: true }).optional()
    .describe("Client certificate for the origin (PEM)."),
  upstream_client_key_path: filePath({ trustedParent: true, links: true }).optional()
    .describe("Key of that certificate (PEM)."),
  upstream_http_version: enumWord(["http1", "http2", "http1-and-http2"]).default("http1")
    .describe("Protocol to the origin; HTTP/2 without TLS is by prior knowledge."),
  upstream_h2_max_streams: count({ min: 1, max: 1024 }).optional()
    .describe("Concurrent streams on one HTTP/2 connection; 1 unless set."),
  upstream_h2_ping_interval_secs: secs().optional()
    .describe("Time between keepalive PINGs on HTTP/2 connections."),
  upstream_proxy_protocol: enumWord(["off", "v1", "v2"]).default("off")
    .describe("PROXY header to send first on each connection."),
  websocket: z.boolean().default(false).describe("Let WebSocket handshakes through."),
  upgrade_protocols: list(upgradeProtocol(), { max: 8, unique: "nocase" }).default([])
    .describe("Other protocols that HTTP/1.1 clients may upgrade to; not `websocket` or `h2c`."),
  connect_timeout_secs: secs({ min: 0 }).optional()
    .describe("Longest wait for a connection; 5 unless set, 0 for none."),
  upstream_total_connection_timeout_secs: secs({ min: 0 }).optional()
    .describe(
      "Longest wait for TCP and TLS together; twice `connect_timeout_secs` unless set, 0 for none.",
    ),
  upstream_idle_timeout_secs: secs({ min: 0 }).optional()
    .describe("Longest idle time of a pooled connection; none unless set, 0 for none."),
  read_timeout_secs: secs({ min: 0 }).optional()
    .describe("Longest wait between two reads from the origin; 60 unless set, 0 for none."),
  send_timeout_secs: secs({ min: 0 }).optional()
    .describe("Longest wait for one write to the origin; 60 unless set, 0 for none."),
  upstream_tcp_keepalive_idle_secs: secs().optional().describe("TCP keepalive: idle time."),
  upstream_tcp_keepalive_interval_secs: secs().optional().describe("TCP keepalive: interval."),
  upstream_tcp_keepalive_count: count({ min: 1, max: 128 }).optional()
    .describe("TCP keepalive: probes."),
  upstream_tcp_user_timeout_ms: millis().optional().describe("TCP user timeout."),
  upstream_tcp_recv_buffer_bytes: byteSize({ max: MAX_SOCKET_BUFFER_BYTES }).optional()
    .describe("Socket receive buffer."),
  upstream_dscp: count({ max: 63 }).optional().describe("DSCP of packets to the origin."),
  upstream_tcp_fast_open: z.boolean().default(false).describe("TCP fast open."),
  downstream_read_timeout_secs: secs().default(60)
    .describe("Longest wait for the next piece of a request body."),
  downstream_write_timeout_secs: secs().default(30)
    .describe("Longest one write to the client may stall."),
  downstream_total_response_timeout_secs: secs().optional()
    .describe("Longest time for a whole answer, from its first byte to its last."),
  downstream_min_send_rate_bytes_per_sec: count({ min: 1 }).optional()
    .describe("Slowest reader tolerated."),
  auth_request: authRequestSchema.optional(),
});

/** `[vhosts.routes.grpc]`. */
export const grpcSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Take gRPC requests only."),
  require_content_type: z.boolean().default(true)
    .describe("Refuse other content types with 415. Must stay true while gRPC is enabled."),
});

/** Tables that other modules add to a proxy block. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface ProxyTables {}

/** A reverse proxy block. */
export type ProxyConfig = Frozen<z.output<typeof proxySchema>> & ProxyTables;
/** `proxy.auth_request`. */
export type AuthRequestConfig = Frozen<z.output<typeof authRequestSchema>>;
/** `[vhosts.routes.grpc]`. */
export type GrpcConfig = Frozen<z.output<typeof grpcSchema>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly proxy?: ProxyConfig;
  }
  interface VhostTables {
    readonly proxy?: ProxyConfig;
    readonly auth_request?: AuthRequestConfig;
  }
  interface RouteTables {
    readonly proxy?: ProxyConfig;
    readonly auth_request?: AuthRequestConfig;
    readonly grpc?: GrpcConfig;
  }
}
