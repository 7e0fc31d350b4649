/**
 * Concurrency limits of vhosts and routes (spec 02 section 11.3): permits counted in the whole process,
 * and a bounded queue, first in first out, of those who wait for one.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { Module } from "../../gateway/module.ts";
import type { ZoneRequest } from "../../net/zone.ts";
import { PermitZone } from "./permit_zone.ts";
import { type ConcurrencyConfig, concurrencySchema } from "./schema.ts";
import { type Limit, limitsOf } from "./table.ts";

export type { ConcurrencyConfig } from "./schema.ts";

/** A length for a queue in which nobody may wait. */
function* idleQueues(config: Config): Generator<Problem> {
  for (const scope of scopesOf(config)) {
    const table: ConcurrencyConfig | undefined = ownTables(scope).concurrency;
    if (table === undefined || !table.enabled) continue;
    if (table.max_queue === 0 || table.queue_timeout_ms > 0) continue;
    yield {
      key: `${scope.key}.concurrency.max_queue`,
      message: `${table.max_queue} has no effect while queue_timeout_ms is 0: nobody waits`,
      hint: "set queue_timeout_ms to the longest wait, or leave max_queue out",
      warning: true,
    };
  }
}

/** Zones in disorder after which no more are tried: the keeper may have waited for the lock of each. */
const MAX_IN_DISORDER = 2;

/**
 * Does something to the zone of every limit. One in disorder does not keep the others from it.
 *
 * @throws The first error, afterwards.
 */
function eachLimit(config: Config, change: (limit: Limit) => void): void {
  const errors: unknown[] = [];
  for (const limit of limitsOf(config)) {
    if (errors.length >= MAX_IN_DISORDER) break;
    try {
      change(limit);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "concurrency",
  schema: [{
    table: "concurrency",
    scopes: ["vhost", "route"],
    schema: concurrencySchema,
    reload: "live",
  }],
  manifest: {},
  check: (config) => [...idleQueues(config)],

  needs(config, { workers }) {
    const zones: ZoneRequest[] = [];
    for (const { zone, maxQueue } of limitsOf(config)) {
      const bytes = PermitZone.bytes(maxQueue, workers);
      // With its count: those in flight must not be forgotten because the queue got shorter.
      zones.push({ name: zone, bytes, mayBeLarger: true });
    }
    return { zones };
  },

  adopted(config, zones) {
    eachLimit(config, ({ zone, maxInFlight }) => {
      PermitZone.setMaxInFlight(zones.get(zone), maxInFlight);
    });
  },

  workerLost(config, zones, worker) {
    eachLimit(config, ({ zone }) => PermitZone.reclaim(zones.get(zone), worker));
  },

  edge: async () => (await import("./edge.ts")).edge,
};
