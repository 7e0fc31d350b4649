/** The `[metrics.otlp]` table. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import { metricsOf } from "../metrics/table.ts";
import type { MetricsOtlpConfig } from "./schema.ts";

/** Tables that the exporter is handed. */
export const TABLES = ["metrics"] as const;

/** The table, if it is switched on. */
export function metricsOtlpOf(config: Pick<ConfigPart, "metrics">): MetricsOtlpConfig | undefined {
  const otlp = metricsOf(config)?.otlp;
  return otlp?.enabled === true ? otlp : undefined;
}
