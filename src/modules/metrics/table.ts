/** The `[metrics]` table. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import type { MetricsConfig } from "./schema.ts";

/** Tables and keys that the listener is handed. */
export const TABLES = ["metrics", "server.control_hosts"] as const;

/** The table, if it is switched on. */
export function metricsOf({ metrics }: Pick<ConfigPart, "metrics">): MetricsConfig | undefined {
  return metrics?.enabled === true ? metrics as MetricsConfig : undefined;
}

/** Whether the dashboard of the admin API shows what is counted. Read by shape: a build need not have that module. */
export function hasDashboard(config: ConfigPart): boolean {
  const admin: unknown = Reflect.get(config, "admin");
  return typeof admin === "object" && admin !== null &&
    Reflect.get(admin, "enabled") === true && Reflect.get(admin, "dashboard") === true;
}
