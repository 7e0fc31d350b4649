/** Where access rules stand. @module */
import { ownTables } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { AccessConfig } from "./schema.ts";

/** The rules of a scope's own table, if there is one that is switched on. */
export function rulesOf(scope: RouteScope): AccessConfig | undefined {
  const table = ownTables(scope).access;
  return table?.enabled === true ? table : undefined;
}
