/**
 * Tables that may have no effect even in a build that has their module: they are then checked, and load
 * everywhere.
 *
 * @module
 */
import type { z } from "zod";
import { loadBalanceSchema } from "../schema/load_balance_schema.ts";
import type { Table } from "../schema/schema_walk.ts";

/** A table of an absent module that would have no effect with the module either. */
export interface InertTable {
  readonly schema: z.ZodType;
  readonly because: string;
  readonly hint: string;
}

/** Why the table `name`, which is in `holder`, has no effect; `undefined` where it may have one. */
export function inertTable(name: string, holder: Table): InertTable | undefined {
  if (name !== "proxy.load_balance" || hasPool(holder)) return undefined;
  return {
    schema: loadBalanceSchema,
    because: "the block has no pool to choose from, at most one upstream",
    hint: "leave it out, or name several upstreams in a build with the load-balancer module",
  };
}

/** Whether a proxy block names more than one upstream, or a place where they are found. */
function hasPool(proxy: Table): boolean {
  const several = Array.isArray(proxy.upstreams) && proxy.upstreams.length > 1;
  return several || proxy.upstreams_file !== undefined || proxy.upstreams_http_url !== undefined ||
    proxy.upstream_dns_refresh_secs !== undefined;
}
