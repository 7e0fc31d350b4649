/**
 * The access record of a finished exchange (spec 06 section D3): one JSON object, its fields always
 * all there and always in this order. An absent or disabled string is `""`. `timestamp` is ours, and so are
 * the fields that `logging.access.fields` may name.
 *
 * Built by joining strings: a record is made for every request, and this takes half the time of
 * building an object and serializing it.
 *
 * @module
 */
import { ACCESS_FIELDS } from "../../catalog/access_fields.ts";
import type { AccessField } from "../../gateway/reports/access_field.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { hasFailed } from "../../gateway/exchange/outcome.ts";
import type { TlsFacts } from "../../net/connection_facts.ts";
import { clientOf, type JsonOf, latencyMs, OWN_FIELDS, statusClassJson } from "./access_fields.ts";
import { CombinedRecord } from "./combined.ts";
import { HumanRecord } from "./human.ts";
import { quoted } from "./lines.ts";
import type { AccessLogSettings, AccessRecords } from "./record_types.ts";

export type { AccessLogSettings } from "./record_types.ts";

/** Makes records as `settings` say; `fields` are those of modules. */
export function accessRecordOf(
  settings: AccessLogSettings,
  fields: readonly AccessField[],
  forPeople: boolean,
): AccessRecords {
  if (settings.format === "combined") return new CombinedRecord(settings);
  if (forPeople) return new HumanRecord(settings);
  const { fields: selected, rename } = settings;
  if (selected === undefined && Object.keys(rename).length === 0) {
    return new AccessRecord(settings, fields);
  }
  return new SelectedRecord(settings, fields);
}

/** Makes records with every field. */
export class AccessRecord implements AccessRecords {
  readonly #settings: AccessLogSettings;
  readonly #fields: readonly (readonly [prefix: string, field: AccessField])[];

  /** @param fields Of modules; those that each record has are added at the end, in the catalog's order. */
  constructor(settings: AccessLogSettings, fields: readonly AccessField[]) {
    this.#settings = settings;
    this.#fields = fields.map((field) => ({ field, place: placeOf(field.name) }))
      .filter(({ place }) => ACCESS_FIELDS[place]?.onDemand !== true)
      .toSorted((a, b) => a.place - b.place)
      .map(({ field }) => [`,"${field.name}":`, field] as const);
  }

  of(exchange: Exchange): string {
    const { scope, findings } = exchange;
    const settings = this.#settings;
    const { tls } = exchange.connection;
    const route = settings.include_route ? scope?.route?.name ?? "" : "";
    let record = '{"event":"access","timestamp":' + Date.now() +
      ',"method":' + quoted(exchange.method) +
      ',"host":' + (settings.include_host ? quoted(exchange.host) : '""') +
      ',"client_ip":' + (settings.include_client_ip ? quoted(clientOf(exchange)) : '""') +
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
      ',"status_class":' + statusClassJson(exchange.status) +
      ',"error":' + hasFailed(exchange) +
      ',"request_id":' + (settings.request_id ? quoted(exchange.requestId) : '""') +
      ',"request_body_bytes":' + exchange.requestBodyBytes +
      ',"response_body_bytes":' + exchange.responseBodyBytes +
      ',"latency_ms":' + latencyMs(exchange);
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i++) {
      record += fields[i][0] + json(fields[i][1], exchange);
    }
    if (settings.include_listener) record += ',"listener":' + quoted(exchange.connection.listener);
    return record + "}";
  }
}

/** Makes records of chosen fields, or with other names. */
class SelectedRecord implements AccessRecords {
  readonly #parts: readonly (readonly [prefix: string, of: JsonOf])[];

  constructor(settings: AccessLogSettings, fields: readonly AccessField[]) {
    const own = new Map(fields.map((field) => [field.name, field]));
    const names = settings.fields ?? usualNames(settings, own);
    this.#parts = names.map((name, index) => {
      const shown = JSON.stringify(settings.rename[name] ?? name);
      return [`${index === 0 ? "{" : ","}${shown}:`, jsonOf(name, settings, own)] as const;
    });
  }

  of(exchange: Exchange): string {
    let record = "";
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) record += parts[i][0] + parts[i][1](exchange);
    return record + "}";
  }
}

function usualNames(
  { include_listener }: AccessLogSettings,
  own: ReadonlyMap<string, AccessField>,
): readonly string[] {
  return ACCESS_FIELDS.filter(({ name, module, onDemand }) => {
    if (name === "listener") return include_listener;
    return onDemand !== true && (module === undefined || own.has(name));
  }).map(({ name }) => name);
}

function jsonOf(
  name: string,
  settings: AccessLogSettings,
  fields: ReadonlyMap<string, AccessField>,
): JsonOf {
  if (isDisabled(name, settings)) return () => '""';
  const field = fields.get(name);
  if (field !== undefined) return (exchange) => json(field, exchange);
  // A module that is off, or not in this build, has nothing to say.
  return OWN_FIELDS[name] ?? (() => '""');
}

function isDisabled(name: string, settings: AccessLogSettings): boolean {
  switch (name) {
    case "host":
      return !settings.include_host;
    case "client_ip":
    case "peer_ip":
      return !settings.include_client_ip;
    case "cache_phase":
      return !settings.include_cache_phase;
    case "path":
    case "referer":
      return !settings.include_path;
    case "route":
      return !settings.include_route;
    case "upstream":
    case "upstream_alias":
      return !settings.include_upstream;
    case "request_id":
      return !settings.request_id;
    default:
      return false;
  }
}

function json(field: AccessField, exchange: Exchange): string {
  const value = field.of(exchange);
  return typeof value === "string" ? quoted(value) : String(value);
}

/** Index in the catalog; a field that is not in it comes after all others. */
function placeOf(name: string): number {
  const index = ACCESS_FIELDS.findIndex((field) => field.name === name);
  return index < 0 ? ACCESS_FIELDS.length : index;
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
