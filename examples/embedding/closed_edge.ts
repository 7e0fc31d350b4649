/**
 * The module `closed`, as workers know it: a step that refuses requests.
 *
 * @module
 */
import {
  type EdgeModule,
  refuse,
  type RouteScope,
  type RunningModule,
  type SnapshotContext,
  type Steps,
} from "../../worker.ts";
import type { ClosedConfig } from "./closed.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "closed",
  open: () => ({ start: (snapshot) => new Closed(snapshot) }),
};

class Closed implements RunningModule {
  readonly #snapshot: SnapshotContext;

  constructor(snapshot: SnapshotContext) {
    this.#snapshot = snapshot;
  }

  /** Called once a scope when the snapshot is compiled: a scope without the table has no step. */
  plan(scope: RouteScope): Steps | undefined {
    const table = tableOf(scope);
    if (table?.enabled !== true) return undefined;
    // All that does not depend on the request is made here, not in the step.
    const allowed = new Set(table.allow);
    const refused = this.#snapshot.metrics.counter("closed_refused_total", {
      vhost: scope.vhost.name,
    });
    const refusal = {
      status: 503,
      text: table.message,
      cause: "closed",
      fields: [["retry-after", String(table.retry_after_secs)]] as const,
    };
    return {
      access(exchange) {
        if (allowed.has(exchange.clientAddress)) return;
        refused.count();
        refuse(exchange, refusal);
      },
    };
  }

  /** One line for `fluxheim explain`. */
  explain(scope: RouteScope): string | undefined {
    return tableOf(scope)?.enabled === true ? "refuses clients that are not allowed" : undefined;
  }

  stop(): void {}
}

/** A route without a table of its own has that of its vhost. */
function tableOf({ vhost, route }: RouteScope): ClosedConfig | undefined {
  return route?.closed ?? vhost.closed;
}
