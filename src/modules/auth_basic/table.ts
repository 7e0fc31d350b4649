/** Where names and passwords are asked for, and bounds of all of it. @module */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { AuthBasicConfig } from "./schema.ts";

/** A table that is switched on. */
export type Guard = AuthBasicConfig & { readonly users_file: string };

/** Largest file of users; the service reads it in one turn. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Longest `Authorization` that is looked at. */
export const MAX_CREDENTIAL_BYTES = 1024;
/** How long a worker waits for the service, in milliseconds. */
export const VERIFY_MS = 5_000;

/** The table of a scope's own, if it is switched on. */
export function guardOf(scope: RouteScope): Guard | undefined {
  const table = ownTables(scope).auth_basic;
  if (table?.enabled !== true || table.users_file === undefined) return undefined;
  return { ...table, users_file: table.users_file };
}

/** Every file of users, with the first key that names it. */
export function userFiles(config: Config): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const scope of scopesOf(config)) {
    const file = guardOf(scope)?.users_file;
    if (file !== undefined && !found.has(file)) {
      found.set(file, `${scope.key}.auth_basic.users_file`);
    }
  }
  return found;
}
