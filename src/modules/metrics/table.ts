/** The `[metrics]` table. @module */
import { splitAuthority } from "../../http/authority.ts";
import { parseNetwork } from "../../net/ip.ts";
import type { ConfigPart } from "../../gateway/thread.ts";
import type { MetricsConfig } from "./schema.ts";

/** Tables and keys that the listener is handed. */
export const TABLES = ["metrics", "server.control_hosts"] as const;

/** The table, if it is switched on. */
export function metricsOf({ metrics }: Pick<ConfigPart, "metrics">): MetricsConfig | undefined {
  return metrics?.enabled === true ? metrics as MetricsConfig : undefined;
}

/** Whether only programs of this machine can connect to `entry`. */
export function isLoopbackListener(entry: string): boolean {
  const host = splitAuthority(entry)?.host ?? "";
  return host === "::1" || parseNetwork(host)?.family === 4 && host.startsWith("127.");
}
