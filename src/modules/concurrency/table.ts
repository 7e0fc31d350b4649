/** Where concurrency limits are allowed, and what they come to. @module */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { MAX_QUEUE } from "./bounds.ts";
import type { ConcurrencyConfig } from "./schema.ts";

/** Waiting requests for each permit, unless `max_queue` says how many. */
const QUEUE_FACTOR = 4;

/** A limit that is switched on. */
export interface Limit {
  readonly maxInFlight: number;
  /** 0: no request waits. */
  readonly maxQueue: number;
  readonly timeoutMs: number;
  readonly status: number;
  readonly zone: string;
}

/** The limit of a scope's own table, if there is one that is switched on. */
export function limitOf(scope: RouteScope): Limit | undefined {
  const table: ConcurrencyConfig | undefined = ownTables(scope).concurrency;
  if (table === undefined || !table.enabled || table.max_in_flight === undefined) return undefined;
  const { max_in_flight, max_queue, queue_timeout_ms, status } = table;
  const room = max_queue === 0 ? Math.min(QUEUE_FACTOR * max_in_flight, MAX_QUEUE) : max_queue;
  return {
    maxInFlight: max_in_flight,
    maxQueue: queue_timeout_ms === 0 ? 0 : room,
    timeoutMs: queue_timeout_ms,
    status,
    zone: zoneName("concurrency", scope),
  };
}

/** The limits of every scope that has one of its own. */
export function* limitsOf(config: Config): Generator<Limit> {
  for (const scope of scopesOf(config)) {
    const limit = limitOf(scope);
    if (limit !== undefined) yield limit;
  }
}
