/** The `[metrics.otlp]` table (spec 06 section B1). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { serviceName } from "../../config/schema/otlp_values.ts";
import { filePath, httpUrl, secs } from "../../config/schema/values.ts";

/** `[metrics.otlp]`. */
export const metricsOtlpSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Export what is counted. Needs `metrics`."),
  endpoint: httpUrl().default("http://127.0.0.1:9090/api/v1/otlp/v1/metrics")
    .describe("Where the collector takes metrics, as OTLP in JSON over HTTP."),
  service_name: serviceName().default("fluxheim").describe("`service.name` of the metrics."),
  interval_secs: secs({ max: 3600 }).default(15)
    .describe("Time between two messages, and before the first one."),
  timeout_secs: secs({ max: 60 }).default(2).describe("Longest that one message may take."),
  tls_ca_cert_path: filePath().optional()
    .describe("Authorities to verify the collector by, in place of the system's."),
});

/** A checked `[metrics.otlp]` table. */
export type MetricsOtlpConfig = Frozen<z.output<typeof metricsOtlpSchema>>;

declare module "../metrics/schema.ts" {
  interface MetricsTables {
    readonly otlp?: MetricsOtlpConfig;
  }
}
