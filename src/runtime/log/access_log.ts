/**
 * The access record of a finished exchange (spec 06 section D3): one JSON object, its fields always
 * all there and always in this order. An absent or disabled string is `""`. `listener` is ours, and there only
 * when it is asked for.
 *
 * Built by joining strings: a record is made for every request, and this takes half the time of
 * building an object and serializing it.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange.ts";
import { hasFailed } from "../../gateway/outcome.ts";
import type { Findings } from "../../gateway/findings.ts";
import type { TlsFacts } from "../../net/connection_facts.ts";
import { quoted } from "./lines.ts";
import type { AccessLogSettings } from "./record_types.ts";

export type { AccessLogSettings } from "./record_types.ts";

/** Makes access records of one shape. */
export class AccessRecord {
  readonly #settings: AccessLogSettings;
  readonly #withGeo: boolean;

  /** @param withGeo Whether this build has the GeoIP module, which adds its two fields. */
  constructor(settings: AccessLogSettings, withGeo: boolean) {
    this.#settings = settings;
    this.#withGeo = withGeo;
  }

  /** The record of `exchange`, without a line end. */
  of(exchange: Exchange): string {
    const { scope, findings } = exchange;
    const settings = this.#settings;
    const { tls } = exchange.connection;
    const route = settings.include_route ? scope?.route?.name ?? "" : "";
    // A request refused before routing has no resolved client yet; who it came from is worth knowing.
    const client = exchange.clientAddress || exchange.connection.peerAddress;
    const { startedAt } = exchange;
    const latency = startedAt === 0 ? 0 : Math.round(performance.now() - startedAt);
    return '{"event":"access","method":' + quoted(exchange.method) +
      ',"host":' + (settings.include_host ? quoted(exchange.host) : '""') +
      ',"client_ip":' + (settings.include_client_ip ? quoted(client) : '""') +
      ',"cache_phase":' + (settings.include_cache_phase ? quoted(findings.cachePhase) : '""') +
      ',"compression_encoding":' + quoted(findings.contentCoding) +
      (tls === undefined ? NO_TLS : tlsFields(tls)) +
      ',"vhost":' + (scope === undefined ? '"unknown"' : quoted(scope.vhost.name)) +
      ',"route":' + quoted(route) +
      ',"upstream":' + (settings.include_upstream ? quoted(findings.upstream) : '""') +
      ',"upstream_alias":' + (settings.include_upstream ? quoted(findings.upstreamAlias) : '""') +
      ',"upstream_retries":' + findings.retries +
      ',"path":' + (settings.include_path ? quoted(exchange.path) : '""') +
      ',"status":' + (exchange.status === 0 ? "null" : exchange.status) +
      ',"status_class":' + statusClass(exchange.status) +
      ',"error":' + hasFailed(exchange) +
      ',"request_id":' + (settings.request_id ? quoted(exchange.requestId) : '""') +
      ',"request_body_bytes":' + exchange.requestBodyBytes +
      ',"response_body_bytes":' + exchange.responseBodyBytes +
      ',"latency_ms":' + latency +
      (this.#withGeo ? geoFields(findings) : "") +
      (settings.include_listener ? ',"listener":' + quoted(exchange.connection.listener) : "") +
      "}";
  }
}

const NO_TLS = ',"tls_version":"","tls_cipher":"","tls_client_cert_sha256":"",' +
  '"tls_client_cert_serial":"","tls_client_cert_organization":""';

function tlsFields(tls: TlsFacts): string {
  const { client } = tls;
  return ',"tls_version":' + quoted(tls.version) +
    ',"tls_cipher":' + quoted(tls.cipher) +
    ',"tls_client_cert_sha256":' + quoted(client?.sha256 ?? "") +
    ',"tls_client_cert_serial":' + quoted(client?.serial ?? "") +
    ',"tls_client_cert_organization":' + quoted(client?.organization ?? "");
}

function geoFields({ country, asn }: Findings): string {
  return ',"geo_country":' + quoted(country) + ',"geo_asn":' + asn;
}

/** `"1xx"` to `"5xx"`; `"other"` beyond; `"unknown"` when nothing was answered (spec 06 section B2). */
function statusClass(status: number): string {
  switch (Math.trunc(status / 100)) {
    case 0:
      return status === 0 ? '"unknown"' : '"other"';
    case 1:
      return '"1xx"';
    case 2:
      return '"2xx"';
    case 3:
      return '"3xx"';
    case 4:
      return '"4xx"';
    case 5:
      return '"5xx"';
    default:
      return '"other"';
  }
}
