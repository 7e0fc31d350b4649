/** Names and passwords at work. @module */
import { ByScope, policyCounter } from "../../gateway/edge_policy.ts";
import type { Calls } from "../../gateway/threads/calls.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type {
  EdgeModule,
  EdgePart,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { PasswordGate } from "./password_gate.ts";
import { guardOf } from "./table.ts";
import { Verdicts } from "./verdicts.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "auth-basic",
  open: (worker): EdgePart => {
    const service = worker.service("auth");
    const running = new Set<Guards>();
    return {
      start(snapshot) {
        const guards = new Guards(snapshot, service, () => running.delete(guards));
        running.add(guards);
        return guards;
      },
      /** The service has new files. */
      onCall() {
        for (const guards of running) guards.forget();
        return null;
      },
    };
  },
};

/** The guards of one snapshot. */
class Guards implements RunningModule {
  readonly #gates = new ByScope<PasswordGate>();
  /** By file: scopes with the same one ask once. */
  readonly #verdicts = new Map<string, Verdicts>();

  constructor(
    readonly context: SnapshotContext,
    readonly service: Calls,
    readonly stop: () => void,
  ) {}

  plan(scope: RouteScope): Steps | undefined {
    const guard = guardOf(scope);
    if (guard === undefined) return undefined;
    const { metrics, clock } = this.context;
    const counted = (outcome: "allow" | "deny" | "error") =>
      policyCounter(metrics, scope, "auth_basic", outcome);
    const gate = new PasswordGate(guard, {
      service: this.service,
      verdicts: this.#verdictsOf(guard.users_file),
      clock,
      allowed: counted("allow"),
      denied: counted("deny"),
      failed: counted("error"),
    });
    this.#gates.set(scope, gate);
    return { authenticate: gate.authenticate };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    return this.#gates.get(scope)?.explain(exchange);
  }

  forget(): void {
    for (const verdicts of this.#verdicts.values()) verdicts.forget();
  }

  #verdictsOf(file: string): Verdicts {
    let verdicts = this.#verdicts.get(file);
    if (verdicts === undefined) this.#verdicts.set(file, verdicts = new Verdicts());
    return verdicts;
  }
}
