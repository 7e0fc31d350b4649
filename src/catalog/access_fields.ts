/**
 * Every field that an access record can have, in the order of spec 06 section D3. This file is data; what
 * fills them is in `src/runtime/log/access_fields.ts` and, of a module, in its folder.
 *
 * @module
 */

/** A field of the access record. */
export interface CatalogAccessField {
  readonly name: string;
  /** The module that brings it. */
  readonly module?: string;
  /** Only where `logging.access.fields` names it. */
  readonly onDemand?: true;
}

const ON_DEMAND = { onDemand: true } as const;

const FIELDS = [
  { name: "event" },
  { name: "timestamp" },
  { name: "method" },
  { name: "host" },
  { name: "client_ip" },
  { name: "cache_phase" },
  { name: "compression_encoding" },
  { name: "tls_version" },
  { name: "tls_cipher" },
  { name: "tls_client_cert_sha256" },
  { name: "tls_client_cert_serial" },
  { name: "tls_client_cert_organization" },
  { name: "vhost" },
  { name: "route" },
  { name: "upstream" },
  { name: "upstream_alias" },
  { name: "upstream_retries" },
  { name: "path" },
  { name: "status" },
  { name: "status_class" },
  { name: "error" },
  { name: "request_id" },
  { name: "request_body_bytes" },
  { name: "response_body_bytes" },
  { name: "latency_ms" },
  { name: "geo_country", module: "geoip" },
  { name: "geo_asn", module: "geoip" },
  { name: "trace_id", module: "otel-tracing" },
  { name: "span_id", module: "otel-tracing", ...ON_DEMAND },
  { name: "listener", ...ON_DEMAND },
  { name: "time", ...ON_DEMAND },
  { name: "protocol", ...ON_DEMAND },
  { name: "scheme", ...ON_DEMAND },
  { name: "peer_ip", ...ON_DEMAND },
  { name: "user_agent", ...ON_DEMAND },
  { name: "referer", ...ON_DEMAND },
  { name: "cause", ...ON_DEMAND },
  { name: "latency_us", ...ON_DEMAND },
  { name: "upstream_us", ...ON_DEMAND },
  { name: "upstream_connect_us", ...ON_DEMAND },
  { name: "auth_us", ...ON_DEMAND },
] as const satisfies readonly CatalogAccessField[];

/** Name of a field. */
export type AccessFieldName = typeof FIELDS[number]["name"];

/** All of them. */
export const ACCESS_FIELDS: readonly CatalogAccessField[] = FIELDS;

/** Their names. */
export const ACCESS_FIELD_NAMES: readonly AccessFieldName[] = FIELDS.map(({ name }) => name);
