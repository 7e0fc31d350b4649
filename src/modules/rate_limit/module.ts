/**
 * Rate limits of vhosts and routes (spec 02 section 11.2): one token bucket for each client address
 * and policy, exact across the workers of the process.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import { placesAreKnown } from "../../gateway/edge_policy.ts";
import type { Module, Role } from "../../gateway/module.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { sharedTime } from "../../zones/shared_time.ts";
import { bucketTable } from "./bucket_table.ts";
import { rateLimitSchema } from "./schema.ts";
import { CLOCK_ZONE, type KeyedLimit, limitsOf, placesIn } from "./table.ts";

export type { RateLimitConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "rate-limit",
  schema: [{
    table: "rate_limit",
    scopes: ["vhost", "route"],
    schema: rateLimitSchema,
    reload: "live",
  }],
  manifest: {},
  facts: placesIn,

  check(config): Problem[] {
    const problems: Problem[] = [];
    const shared = new Map<string, KeyedLimit>();
    for (const entry of limitsOf(config)) {
      const { limit, key } = entry;
      if (limit.key === "country" && !placesAreKnown(config)) {
        problems.push({
          key: `${key}.key`,
          message: 'must not be "country" unless geoip.enabled is true',
          about: ["geoip.enabled"],
        });
      }
      if (limit.shared === undefined) continue;
      const first = shared.get(limit.shared);
      if (first === undefined) shared.set(limit.shared, entry);
      else if (JSON.stringify(first.limit) !== JSON.stringify(limit)) {
        problems.push({
          key: `${key}.shared`,
          message: `must have the settings of ${first.key}, which has the same name`,
        });
      }
    }
    return problems;
  },

  needs(config) {
    const zones: ZoneRequest<Role>[] = [];
    const roles = ["edge"] as const;
    for (const { limit, zone: name } of limitsOf(config)) {
      if (zones.some((other) => other.name === name)) continue;
      const { table_max_entries: maxEntries, entry_ttl_secs: ttlSecs } = limit;
      const size = { maxEntries };
      zones.push(zone(bucketTable, { name, size, settings: { maxEntries, ttlSecs }, roles }));
    }
    if (zones.length > 0) zones.push(zone(sharedTime, { name: CLOCK_ZONE, roles }));
    return { zones };
  },

  edge: async () => (await import("./edge.ts")).edge,
};
