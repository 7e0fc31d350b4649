/**
 * Rate limits of vhosts and routes (spec 02 section 11.2): one token bucket for each client address
 * and policy, exact across the workers of the process.
 *
 * @module
 */
import { scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { Module, Role } from "../../gateway/module.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import { sharedTime } from "../../zones/shared_time.ts";
import { bucketTable } from "./bucket_table.ts";
import { rateLimitSchema } from "./schema.ts";
import { CLOCK_ZONE, limitOf } from "./table.ts";

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

  needs(config) {
    const zones: ZoneRequest<Role>[] = [];
    const roles = ["edge"] as const;
    for (const scope of scopesOf(config)) {
      const limit = limitOf(scope);
      if (limit === undefined) continue;
      const { table_max_entries: maxEntries, entry_ttl_secs: ttlSecs } = limit;
      zones.push(zone(bucketTable, {
        name: zoneName("rate-limit", scope),
        size: { maxEntries },
        settings: { maxEntries, ttlSecs },
        roles,
      }));
    }
    if (zones.length > 0) zones.push(zone(sharedTime, { name: CLOCK_ZONE, roles }));
    return { zones };
  },

  edge: async () => (await import("./edge.ts")).edge,
};
