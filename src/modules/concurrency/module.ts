/**
 * Concurrency limits of vhosts and routes (spec 02 section 11.3): permits counted in the whole process,
 * and a bounded queue, first in first out, of those who wait for one.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { Module } from "../../gateway/module.ts";
import { zone } from "../../zones/layout.ts";
import { queue } from "../../zones/queue.ts";
import { type ConcurrencyConfig, concurrencySchema } from "./schema.ts";
import { limitsOf } from "./table.ts";

export type { ConcurrencyConfig } from "./schema.ts";

/** A length for a queue in which no request may wait. */
function* idleQueues(config: Config): Generator<Problem> {
  for (const scope of scopesOf(config)) {
    const table: ConcurrencyConfig | undefined = ownTables(scope).concurrency;
    if (table === undefined || !table.enabled) continue;
    if (table.max_queue === 0 || table.queue_timeout_ms > 0) continue;
    yield {
      key: `${scope.key}.concurrency.max_queue`,
      message: `${table.max_queue} has no effect while queue_timeout_ms is 0: no request waits`,
      about: [`${scope.key}.concurrency.queue_timeout_ms`],
      hint: "set queue_timeout_ms to the longest wait, or leave max_queue out",
      warning: true,
    };
  }
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

  needs: (config) => ({
    zones: [...limitsOf(config)].map(({ zone: name, maxQueue, maxInFlight }) =>
      zone(queue, { name, size: { maxQueue }, settings: { maxInFlight }, roles: ["edge"] })
    ),
  }),

  edge: async () => (await import("./edge.ts")).edge,
};
