/** Concurrency limits at work (spec 02 section 11.3). @module */
import { ByScope, policyCounter } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  EdgeModule,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { queue } from "../../zones/queue.ts";
import { Permits } from "./permits.ts";
import { limitOf } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "concurrency",
  open: () => ({ start: (context) => new ConcurrencyLimits(context) }),
};

class ConcurrencyLimits implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #permits = new ByScope<Permits>();

  constructor(context: SnapshotContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const limit = limitOf(scope);
    if (limit === undefined) return undefined;
    const { zones, metrics } = this.#context;
    const permits = new Permits(zones.open(queue, limit.zone));
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
    const waitForTurn = async (exchange: Exchange): Promise<void> => {
      const outcome = await permits.wait(exchange, limit.maxQueue, limit.timeoutMs);
      if (outcome === "refused") reject(exchange);
    };
    return {
      concurrency: (exchange) => {
        if (permits.take(exchange)) return;
        return limit.maxQueue === 0 ? reject(exchange) : waitForTurn(exchange);
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
