/** Where access rules are allowed. @module */
import { ownTables } from "../../gateway/edge_policy.ts";
import type { Fact, RouteScope } from "../../gateway/module.ts";
import type { AccessConfig } from "./schema.ts";

/** The rules of a scope's own table, if there is one that is switched on. */
export function rulesOf(scope: RouteScope): AccessConfig | undefined {
  const table = ownTables(scope).access;
  return table?.enabled === true ? table : undefined;
}

/** Places that the rules of `scope` itself name. */
export function placesIn(scope: RouteScope): readonly Fact[] {
  const rules = rulesOf(scope);
  const names = (...lists: (readonly unknown[] | undefined)[]) =>
    lists.some((list) => list !== undefined && list.length > 0);
  const facts: Fact[] = [];
  if (names(rules?.allow_countries, rules?.deny_countries)) facts.push("client.country");
  if (names(rules?.allow_asns, rules?.deny_asns)) facts.push("client.asn");
  return facts;
}
