/**
 * The fields of the access record that the gateway fills itself, each as JSON (spec 06 section D3).
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { hasFailed, statusClassOf } from "../../gateway/exchange/outcome.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import { quoted } from "./lines.ts";

/** A field as JSON. */
export type JsonOf = (exchange: Exchange) => string;

/** `"1xx"` to `"5xx"`; `"other"` beyond; `"unknown"` when nothing was answered (spec 06 section B2). */
const STATUS_CLASSES = ["unknown", "1xx", "2xx", "3xx", "4xx", "5xx", "other"]
  .map((name) => JSON.stringify(name));

/** `status_class` as JSON. */
export function statusClassJson(status: number): string {
  return STATUS_CLASSES[statusClassOf(status)];
}

/**
 * Where the request came from. One that was refused before routing has no resolved client yet; who it came
 * from is worth knowing.
 */
export function clientOf({ clientAddress, connection }: Exchange): string {
  return clientAddress || connection.peerAddress;
}

/** Whole milliseconds since the head was complete. */
export function latencyMs({ startedAt }: Exchange): number {
  return startedAt === 0 ? 0 : Math.round(performance.now() - startedAt);
}

/** A time that may not have happened. */
function us(value: number): string {
  return value < 0 ? "null" : String(value);
}

/** A field that a client sent, `""` where it did not; a referrer's query may hold secrets, as its own may. */
function sent({ request }: Exchange, name: string): string {
  const value = request.get(name) ?? "";
  if (name !== "referer") return value;
  const query = value.search(/[?#]/);
  return query < 0 ? value : value.slice(0, query);
}

/** `HTTP/1.1`. */
export function protocolOf({ version }: Exchange): string {
  return version < 20 ? `HTTP/1.${version % 10}` : `HTTP/${version / 10}`;
}

/** By name. */
export const OWN_FIELDS: Readonly<Record<string, JsonOf>> = {
  event: () => '"access"',
  timestamp: () => String(Date.now()),
  method: ({ method }) => quoted(method),
  host: ({ host }) => quoted(host),
  client_ip: (exchange) => quoted(clientOf(exchange)),
  cache_phase: ({ findings }) => quoted(findings.cachePhase),
  compression_encoding: ({ findings }) => quoted(findings.contentCoding),
  tls_version: ({ connection: { tls } }) => quoted(tls?.version ?? ""),
  tls_cipher: ({ connection: { tls } }) => quoted(tls?.cipher ?? ""),
  tls_client_cert_sha256: ({ connection: { tls } }) => quoted(tls?.client?.sha256 ?? ""),
  tls_client_cert_serial: ({ connection: { tls } }) => quoted(tls?.client?.serial ?? ""),
  tls_client_cert_organization: ({ connection: { tls } }) =>
    quoted(tls?.client?.organization ?? ""),
  vhost: ({ scope }) => scope === undefined ? '"unknown"' : quoted(scope.vhost.name),
  route: ({ scope }) => quoted(scope?.route?.name ?? ""),
  upstream: ({ findings }) => quoted(findings.upstream),
  upstream_alias: ({ findings }) => quoted(findings.upstreamAlias),
  upstream_retries: ({ findings }) => String(findings.retries),
  path: ({ path }) => quoted(path),
  status: ({ status }) => status === 0 ? "null" : String(status),
  status_class: ({ status }) => statusClassJson(status),
  error: (exchange) => String(hasFailed(exchange)),
  request_id: ({ requestId }) => quoted(requestId),
  request_body_bytes: ({ requestBodyBytes }) => String(requestBodyBytes),
  response_body_bytes: ({ responseBodyBytes }) => String(responseBodyBytes),
  latency_ms: (exchange) => String(latencyMs(exchange)),
  listener: ({ connection }) => quoted(connection.listener),
  time: () => `"${new Date().toISOString()}"`,
  protocol: (exchange) => `"${protocolOf(exchange)}"`,
  scheme: ({ connection: { tls } }) => tls === undefined ? '"http"' : '"https"',
  peer_ip: ({ connection }) => quoted(connection.peerAddress),
  user_agent: (exchange) => quoted(sent(exchange, "user-agent")),
  referer: (exchange) => quoted(sent(exchange, "referer")),
  cause: ({ refusal }) => quoted(refusal?.cause ?? ""),
  latency_us: (exchange) => exchange.startedAt === 0 ? "0" : String(microsecondsSince(exchange)),
  upstream_us: ({ findings }) => us(findings.upstreamUs),
  upstream_connect_us: ({ findings }) => us(findings.connectUs),
  auth_us: ({ findings }) => us(findings.authUs),
};
