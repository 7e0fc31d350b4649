/** What the configuration says of the control service. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";

/** Tables and keys that the service is handed. */
export const TABLES = ["server.health", "server.control_hosts"] as const;

/** Every `server.health.listen` entry. */
export function healthListeners(config: ConfigPart): readonly string[] {
  return config.server?.health?.listen ?? [];
}

/** Further names of loopback listeners, as hosts are compared. */
export function controlHosts(config: ConfigPart): ReadonlySet<string> {
  return new Set((config.server?.control_hosts ?? []).map((host) => host.toLowerCase()));
}
