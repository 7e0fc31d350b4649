/** PHP at work (spec 07). @module */
import type {
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { ByScope } from "../../gateway/edge_policy.ts";
import { Application } from "./application.ts";
import { phpOf } from "./table.ts";

/** The applications of one snapshot in one worker. */
export class RunningPhp implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #applications = new ByScope<Application>();

  constructor(context: SnapshotContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const php = phpOf(scope);
    if (php === undefined) return undefined;
    const application = new Application(php, scope, this.#context);
    this.#applications.set(scope, application);
    return application.steps;
  }

  explain(scope: RouteScope, exchange: Exchange, phase?: Phase): string | undefined {
    if (phase === "response" || phase === "failure") return "puts nothing in the answer's place";
    return this.#applications.get(scope)?.explain(exchange);
  }

  readonly finished = (exchange: Exchange): void => {
    if (exchange.scope !== undefined) this.#applications.get(exchange.scope)?.finished(exchange);
  };

  /** Connections and permits outlive a snapshot. */
  stop(): void {}
}
