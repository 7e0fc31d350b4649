/** Facts that policies ask for and databases do not contain. @module */
import type { Config } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { Fact, RouteScope } from "../../gateway/module.ts";
import type { GeoDatabase } from "./database.ts";

/**
 * Facts that some policy asks for and no database seems to contain.
 *
 * @param wanted Facts that policies read in a scope.
 */
export function blindSpots(
  config: Config,
  databases: readonly GeoDatabase[],
  wanted: (scope: RouteScope) => ReadonlySet<Fact>,
): string[] {
  const facts = new Set<Fact>();
  for (const scope of scopesOf(config)) {
    for (const fact of wanted(scope)) facts.add(fact);
  }
  const types = databases.map(({ type }) => type).join(", ");
  const missing: string[] = [];
  if (facts.has("client.country") && !databases.some((database) => database.tellsCountry)) {
    missing.push(`policies ask for countries, which databases of type ${types} do not contain`);
  }
  if (facts.has("client.asn") && !databases.some((database) => database.tellsAsn)) {
    missing.push(`policies ask for AS numbers, which databases of type ${types} do not contain`);
  }
  return missing;
}
