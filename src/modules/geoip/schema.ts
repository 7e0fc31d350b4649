/** The `[geoip]` table (spec 02 section 11.4). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { enumWord, filePath, list } from "../../config/schema/values.ts";

/** Most databases consulted for one address. */
const MAX_DATABASES = 8;

const database = z.strictObject({
  provider: enumWord(["maxmind", "circl-geo-open"])
    .describe("Layout of the records: MaxMind's GeoIP2 and GeoLite2, or CIRCL's Geo Open."),
  path: filePath({ trustedParent: true })
    .describe("The MMDB file, at most 512 MiB. Read again when it is replaced."),
});

/** `[geoip]`. */
export const geoipSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Look up country and network of every client."),
  fallback_enabled: z.boolean().default(true)
    .describe("Ask the later databases for what the ones before do not know."),
  databases: list(database, { max: MAX_DATABASES }).default([])
    .describe("Databases in the order they are asked, 1 to 8. At most 1 GiB together."),
}).superRefine((table, context) => {
  if (!table.enabled || table.databases.length > 0) return;
  refuseKey(context, {
    key: "databases",
    input: table.databases,
    message: "must name 1 to 8 databases when geoip.enabled is true",
    about: ["enabled"],
  });
});

/** A checked `[geoip]` table. */
export type GeoipConfig = Frozen<z.output<typeof geoipSchema>>;

/** How the records of a database are laid out. */
export type GeoProvider = GeoipConfig["databases"][number]["provider"];

declare module "../../config/types.ts" {
  interface RootTables {
    readonly geoip?: GeoipConfig;
  }
}
