/**
 * Export of spans to an OTLP collector (spec 06 section C3): workers leave a line for each request in
 * memory of their own, and the telemetry service collects and posts them. Serving waits for neither.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { FileRequest, Module } from "../../gateway/module.ts";
import { collectorGrant, MAX_CA_BYTES } from "../../gateway/otlp/endpoint.ts";
import { zone } from "../../zones/layout.ts";
import { ring } from "../../zones/ring.ts";
import { tracingOf } from "../otel_tracing/table.ts";
import { DROPPED, EXPORTED, QUEUED } from "./descriptions.ts";
import { tracingOtlpSchema } from "./schema.ts";
import { SPANS_ZONE, TABLES, tracingOtlpOf } from "./table.ts";

export type { TracingOtlpConfig } from "./schema.ts";

const KEY = "tracing.otlp";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "otel-otlp",
  schema: [{
    table: KEY,
    scopes: ["root"],
    schema: tracingOtlpSchema,
    reload: "tracing-service-changed",
  }],
  manifest: { net: true, read: true },
  metrics: [EXPORTED, DROPPED, QUEUED],

  needs(config) {
    const otlp = tracingOtlpOf(config);
    if (otlp === undefined) return {};
    const { tls_ca_cert_path: path } = otlp;
    const files: FileRequest[] = path === undefined ? [] : [{
      path,
      key: `${KEY}.tls_ca_cert_path`,
      maxBytes: MAX_CA_BYTES,
      for: "telemetry",
    }];
    return {
      grants: { net: [collectorGrant(otlp, KEY)] },
      files,
      zones: [zone(ring, { name: SPANS_ZONE, roles: ["edge"], readers: ["telemetry"] })],
    };
  },

  check: (config) => withoutTraces(config),

  threads: [{
    role: "telemetry",
    wanted: (config) => tracingOtlpOf(config) !== undefined,
    tables: TABLES,
    whenLost: "replace",
    asks: [],
  }],

  edge: async () => (await import("./edge.ts")).edge,
};

function withoutTraces(config: Config): Problem[] {
  const { tracing } = config;
  if (tracing?.otlp?.enabled !== true || tracingOf(config) !== undefined) return [];
  return [{
    key: `${KEY}.enabled`,
    message: "must not be true while tracing.enabled is false",
    about: ["tracing.enabled"],
  }];
}
