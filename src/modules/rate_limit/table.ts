/** Where rate limits are allowed, and the shared tables they need. @module */
import { ownTables, scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { Config } from "../../config/types.ts";
import type { Fact, RouteScope } from "../../gateway/module.ts";
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

/** The zone of a limit: one of its own, or that of all limits with the same `shared`. */
export function bucketsOf(scope: RouteScope, { shared }: EnabledLimit): string {
  return shared === undefined
    ? zoneName("rate-limit", scope)
    : JSON.stringify(["rate-limit shared", shared]);
}

/** A limit, and the key of its table. */
export interface KeyedLimit {
  readonly limit: EnabledLimit;
  readonly key: string;
  readonly zone: string;
}

/** The limits of every scope that has one of its own. */
export function* limitsOf(config: Config): Generator<KeyedLimit> {
  for (const scope of scopesOf(config)) {
    const limit = limitOf(scope);
    if (limit === undefined) continue;
    yield { limit, key: `${scope.key}.rate_limit`, zone: bucketsOf(scope, limit) };
  }
}

/** Places that the limit of `scope` counts by. */
export function placesIn(scope: RouteScope): readonly Fact[] {
  return limitOf(scope)?.key === "country" ? ["client.country"] : [];
}
