/** The `[tracing.otlp]` table. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import { tracingOf } from "../otel_tracing/table.ts";
import type { TracingOtlpConfig } from "./schema.ts";

/** Memory in which each worker leaves its spans. */
export const SPANS_ZONE = "otel-otlp/spans";

/** Tables that the exporter is handed. */
export const TABLES = ["tracing"] as const;

/** The table, if it is switched on. */
export function tracingOtlpOf(config: Pick<ConfigPart, "tracing">): TracingOtlpConfig | undefined {
  const otlp = tracingOf(config)?.otlp;
  return otlp?.enabled === true ? otlp : undefined;
}
