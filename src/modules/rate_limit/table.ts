/** Where rate limits are allowed, and the shared tables they need. @module */
import { ownTables } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { RateLimitConfig } from "./schema.ts";

/** Zone of the time that all workers count by. */
export const CLOCK_ZONE = "rate-limit clock";

/** A `rate_limit` table that is switched on, which has a rate. */
export interface EnabledLimit extends RateLimitConfig {
  readonly requests_per_second: number;
}

/** The rate limit of a scope's own table, if there is one that is switched on. */
export function limitOf(scope: RouteScope): EnabledLimit | undefined {
  const table = ownTables(scope).rate_limit;
  if (table === undefined || !table.enabled) return undefined;
  const { requests_per_second } = table;
  return requests_per_second === undefined ? undefined : { ...table, requests_per_second };
}
