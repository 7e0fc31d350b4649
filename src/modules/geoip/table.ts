/** The `[geoip]` table. @module */
import type { Config } from "../../config/types.ts";
import type { GeoipConfig } from "./schema.ts";

/** The table, if it is switched on. */
export function geoipOf({ geoip }: Config): GeoipConfig | undefined {
  return geoip?.enabled === true ? geoip : undefined;
}

/** The databases of `config` that are asked at all. */
export function consulted({ databases, fallback_enabled }: GeoipConfig): GeoipConfig["databases"] {
  return fallback_enabled ? databases : databases.slice(0, 1);
}

/** Key of the path of the `i`-th database. */
export function databaseKey(i: number): string {
  return `geoip.databases[${i}].path`;
}
