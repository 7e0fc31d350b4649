/**
 * Concurrency limits of vhosts and routes (spec 02 section 11.3): permits counted in the whole process,
 * and a bounded queue, first in first out, of those who wait for one.
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import {
  ByScope,
  ownTables,
  policyCounter,
  scopesOf,
  zoneName,
} from "../../gateway/edge_policy.ts";
import type {
  Module,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";
import type { ZoneRequest } from "../../net/zone.ts";
import { PermitZone } from "./permit_zone.ts";
import { Permits } from "./permits.ts";
import { type ConcurrencyConfig, concurrencySchema, MAX_QUEUE } from "./schema.ts";

export type { ConcurrencyConfig } from "./schema.ts";

/** Waiting requests for each permit, unless `max_queue` says how many. */
const QUEUE_FACTOR = 4;

/** A limit that is switched on. */
interface Limit {
  readonly maxInFlight: number;
  /** 0: nobody waits. */
  readonly maxQueue: number;
  readonly timeoutMs: number;
  readonly status: number;
  readonly zone: string;
}

/** The limit of a scope's own table, if there is one that is switched on. */
function limitOf(scope: RouteScope): Limit | undefined {
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

function* limitsOf(config: Config): Generator<Limit> {
  for (const scope of scopesOf(config)) {
    const limit = limitOf(scope);
    if (limit !== undefined) yield limit;
  }
}

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

/** The capability, for profiles. */
export const module: Module = {
  name: "concurrency",
  schema: [{ table: "concurrency", scopes: ["vhost", "route"], schema: concurrencySchema }],
  manifest: {},
  check: (config) => [...idleQueues(config)],
  permissions: () => ({}),

  zones(config, workers) {
    const requests: ZoneRequest[] = [];
    for (const { zone, maxQueue } of limitsOf(config)) {
      const bytes = PermitZone.bytes(maxQueue, workers);
      // With its count: those in flight must not be forgotten because the queue got shorter.
      requests.push({ name: zone, bytes, mayBeLarger: true });
    }
    return requests;
  },

  adopted(config, zones) {
    for (const { zone, maxInFlight } of limitsOf(config)) {
      PermitZone.setMaxInFlight(zones.get(zone), maxInFlight);
    }
  },

  workerLost(config, zones, worker) {
    for (const { zone } of limitsOf(config)) PermitZone.reclaim(zones.get(zone), worker);
  },

  start(context) {
    return Promise.resolve(new ConcurrencyLimits(context));
  },
};

class ConcurrencyLimits implements RunningModule {
  readonly #context: WorkerContext;
  readonly #permits = new ByScope<Permits>();

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const limit = limitOf(scope);
    if (limit === undefined) return undefined;
    const { zones, worker, workers, metrics } = this.#context;
    const permits = Permits.of(zones.get(limit.zone), worker, workers);
    // A limit that is there already is changed when the configuration is adopted.
    permits.beginWith(limit.maxInFlight);
    this.#permits.set(scope, permits);

    // A route's step runs after its vhost's, whose permit it must not keep when it refuses.
    const outer = scope.route === undefined
      ? undefined
      : this.#permits.get({ ...scope, route: undefined });
    const rejects = policyCounter(metrics, scope, "concurrency", "reject");
    const refusal: Refusal = {
      status: limit.status,
      text: "too many requests",
      cause: "concurrency",
    };
    const reject = (exchange: Exchange): void => {
      rejects.count();
      if (outer !== undefined) exchange.releaseNow(outer);
      refuse(exchange, refusal);
    };
    const queue = async (exchange: Exchange): Promise<void> => {
      const outcome = await permits.wait(exchange, limit.maxQueue, limit.timeoutMs);
      if (outcome === "refused") reject(exchange);
    };
    return {
      concurrency: (exchange) => {
        if (permits.take(exchange)) return;
        return limit.maxQueue === 0 ? reject(exchange) : queue(exchange);
      },
    };
  }

  explain(scope: RouteScope): string | undefined {
    const limit = limitOf(scope);
    const load = this.#permits.get(scope)?.load;
    if (limit === undefined || load === undefined) return undefined;
    const { inFlight, waiting } = load;
    const now = `${inFlight} of ${limit.maxInFlight} in flight, ` +
      `${waiting} of ${limit.maxQueue} waiting`;
    if (inFlight < limit.maxInFlight && waiting === 0) return now;
    return waiting < limit.maxQueue
      ? `${now}: waits up to ${limit.timeoutMs} ms`
      : `${now}: refused with ${limit.status}`;
  }

  /** Nothing is open: permits go back with their exchanges, and zones belong to the process. */
  stop(): void {}
}
