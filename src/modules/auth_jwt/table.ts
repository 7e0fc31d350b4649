/** Where tokens are asked for, and bounds of their files. @module */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { AuthJwtConfig } from "./schema.ts";

/** A table that is switched on. */
export type TokenRules = AuthJwtConfig & { readonly keys_file: string };

/** Largest file of keys. */
export const MAX_FILE_BYTES = 64 * 1024;

/** The table of a scope's own, if it is switched on. */
export function rulesOf(scope: RouteScope): TokenRules | undefined {
  const table = ownTables(scope).auth_jwt;
  if (table?.enabled !== true || table.keys_file === undefined) return undefined;
  return { ...table, keys_file: table.keys_file };
}

/** Every file of keys, with the first key of the configuration that names it. */
export function keyFiles(config: Config): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const scope of scopesOf(config)) {
    const file = rulesOf(scope)?.keys_file;
    if (file !== undefined && !found.has(file)) found.set(file, `${scope.key}.auth_jwt.keys_file`);
  }
  return found;
}
