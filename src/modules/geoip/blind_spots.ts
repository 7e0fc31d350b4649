/** What databases cannot tell and policies ask for. @module */
import type { Config } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { GeoDatabase } from "./database.ts";
import { type PlaceUse, placeUse } from "./place_use.ts";

/** What some policy asks and no database looks able to tell. */
export function blindSpots(config: Config, databases: readonly GeoDatabase[]): string[] {
  const uses: readonly PlaceUse[] = Array.from(scopesOf(config), placeUse);
  const types = databases.map(({ type }) => type).join(", ");
  const missing: string[] = [];
  if (uses.some(({ country }) => country) && !databases.some((database) => database.tellsCountry)) {
    missing.push(`policies ask for countries, which databases of type ${types} do not tell`);
  }
  if (uses.some(({ asn }) => asn) && !databases.some((database) => database.tellsAsn)) {
    missing.push(`policies ask for AS numbers, which databases of type ${types} do not tell`);
  }
  return missing;
}
