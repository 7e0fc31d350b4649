/** Where an OTLP collector is, as the configuration says it. @module */
import type { Grant } from "../module.ts";

/** What a table says of its collector. */
export interface CollectorConfig {
  readonly endpoint: string;
  readonly service_name: string;
  readonly timeout_secs: number;
  readonly tls_ca_cert_path?: string;
}

/** Most bytes of a bundle of authorities. */
export const MAX_CA_BYTES = 1024 * 1024;

/** `host:port` of an endpoint, as permissions name it. */
export function addressOf(endpoint: string): string {
  const { hostname, port, protocol } = new URL(endpoint);
  return `${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
}

/** The grant to connect to it, for the service that exports. */
export function collectorGrant({ endpoint }: CollectorConfig, key: string): Grant {
  return { value: addressOf(endpoint), key: `${key}.endpoint`, for: "telemetry" };
}
