/** What the configuration says of the admin API, for the keeper and for its service. @module */
import type { ConfigPart } from "../../gateway/threads/thread.ts";
import { splitAuthority } from "../../http/authority.ts";
import { isLoopback } from "./addresses.ts";
import type { AdminConfig } from "./schema.ts";

/** Tables and keys that the service is handed. */
export const TABLES = ["admin", "server.control_hosts"] as const;

/** Most bytes of a token. */
export const MAX_TOKEN_BYTES = 8 * 1024;

/** The table of a configuration in which the admin API is on. */
export function adminOf(config: ConfigPart): EnabledAdmin | undefined {
  // The schemas of this build have checked it; `ConfigPart` only says that tables may be left out.
  const admin = config.admin as AdminConfig | undefined;
  if (admin?.enabled !== true || admin.snapshot_store === undefined) return undefined;
  return { ...admin, snapshot_store: admin.snapshot_store };
}

/** An `[admin]` table that is on, which has a store. */
export interface EnabledAdmin extends AdminConfig {
  readonly snapshot_store: string;
}

/** A token as it is compared; `undefined` for one that cannot be one. */
export function tokenOf(text: string): string | undefined {
  const token = text.trim();
  return token === "" || new TextEncoder().encode(token).length > MAX_TOKEN_BYTES
    ? undefined
    : token;
}

/** Whether the listener can be reached from this machine alone. */
export function isLocal({ listen }: Pick<AdminConfig, "listen">): boolean {
  return isLoopback(splitAuthority(listen)?.host ?? "");
}

/** The permission bits of the ops socket. */
export function modeOf({ mode }: AdminConfig["ops_socket"]): number {
  return parseInt(mode.replace(/^0o/, ""), 8);
}
