/**
 * Rate limits of vhosts and routes (spec 02 section 11.2): one token bucket for each client address
 * and policy, exact across the workers of the process.
 *
 * @module
 */
import { scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { Module } from "../../gateway/module.ts";
import type { ZoneRequest } from "../../net/zone.ts";
import { BucketTable } from "./bucket_table.ts";
import { rateLimitSchema } from "./schema.ts";
import { SharedTime } from "./shared_time.ts";
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
    const zones: ZoneRequest[] = [];
    for (const scope of scopesOf(config)) {
      const limit = limitOf(scope);
      if (limit === undefined) continue;
      const bytes = BucketTable.bytes(limit.table_max_entries);
      zones.push({ name: zoneName("rate-limit", scope), bytes });
    }
    if (zones.length > 0) zones.push({ name: CLOCK_ZONE, bytes: SharedTime.BYTES });
    return { zones };
  },

  edge: async () => (await import("./edge.ts")).edge,
};
