/**
 * Export of metrics to an OTLP collector (spec 06 section B1), from the telemetry service.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { FileRequest, Module } from "../../gateway/module.ts";
import { collectorGrant, MAX_CA_BYTES } from "../../gateway/otlp/endpoint.ts";
import { metricsOf } from "../metrics/table.ts";
import { EXPORTS } from "./descriptions.ts";
import { metricsOtlpSchema } from "./schema.ts";
import { metricsOtlpOf, TABLES } from "./table.ts";

export type { MetricsOtlpConfig } from "./schema.ts";

const KEY = "metrics.otlp";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "metrics-otlp",
  schema: [{
    table: KEY,
    scopes: ["root"],
    schema: metricsOtlpSchema,
    reload: "metrics-service-changed",
  }],
  manifest: { net: true, read: true },
  metrics: [EXPORTS],

  needs(config) {
    const otlp = metricsOtlpOf(config);
    if (otlp === undefined) return {};
    const { tls_ca_cert_path: path } = otlp;
    const files: FileRequest[] = path === undefined ? [] : [{
      path,
      key: `${KEY}.tls_ca_cert_path`,
      maxBytes: MAX_CA_BYTES,
      for: "telemetry",
    }];
    return { grants: { net: [collectorGrant(otlp, KEY)] }, files };
  },

  check: (config) => withoutMetrics(config),

  threads: [{
    role: "telemetry",
    wanted: (config) => metricsOtlpOf(config) !== undefined,
    tables: TABLES,
    whenLost: "replace",
    asks: [],
  }],

  edge: async () => (await import("./edge.ts")).edge,
};

function withoutMetrics(config: Config): Problem[] {
  const { metrics } = config;
  if (metrics?.otlp?.enabled !== true || metricsOf(config) !== undefined) return [];
  return [{
    key: `${KEY}.enabled`,
    message: "must not be true while metrics.enabled is false",
    about: ["metrics.enabled"],
  }];
}
