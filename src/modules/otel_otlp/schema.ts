/** The `[tracing.otlp]` table (spec 06 section C1). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { count, filePath, httpUrl, secs } from "../../config/schema/values.ts";
import { serviceName } from "../../config/schema/otlp_values.ts";

/** Most spans that wait. */
const MAX_QUEUE = 1_000_000;

/** `[tracing.otlp]`. */
export const tracingOtlpSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Export a span for each request. Needs `tracing`."),
  endpoint: httpUrl().default("http://127.0.0.1:4318/v1/traces")
    .describe("Where the collector takes spans, as OTLP in JSON over HTTP."),
  service_name: serviceName().default("fluxheim").describe("`service.name` of the spans."),
  queue_size: count({ min: 1, max: MAX_QUEUE }).default(8192)
    .describe("How many spans wait at most; further ones are dropped and counted."),
  timeout_secs: secs({ max: 60 }).default(2).describe("Longest that one message may take."),
  tls_ca_cert_path: filePath().optional()
    .describe("Authorities to verify the collector by, in place of the system's."),
});

/** A checked `[tracing.otlp]` table. */
export type TracingOtlpConfig = Frozen<z.output<typeof tracingOtlpSchema>>;

declare module "../otel_tracing/schema.ts" {
  interface TracingTables {
    readonly otlp?: TracingOtlpConfig;
  }
}
