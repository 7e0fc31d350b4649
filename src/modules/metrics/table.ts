/** The `[metrics]` table. @module */
import type { ConfigPart } from "../../gateway/thread.ts";
import type { MetricsConfig } from "./schema.ts";

/** Tables and keys that the listener is handed. */
export const TABLES = ["metrics", "server.control_hosts"] as const;

/** The table, if it is switched on. */
export function metricsOf({ metrics }: Pick<ConfigPart, "metrics">): MetricsConfig | undefined {
  return metrics?.enabled === true ? metrics as MetricsConfig : undefined;
}
