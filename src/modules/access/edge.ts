/** Access rules at work: which clients may ask for what (spec 02 section 11.1). @module */
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
import { AccessRules } from "./access_rules.ts";
import { placesIn, rulesOf } from "./table.ts";

const FORBIDDEN: Refusal = { status: 403, text: "forbidden", cause: "access" };

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "access",
  facts: placesIn,
  open: () => ({ start: (context) => new Access(context) }),
};

class Access implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #rules = new ByScope<AccessRules>();

  constructor(context: SnapshotContext) {
    this.#context = context;
  }

  plan(scope: RouteScope): Steps | undefined {
    const config = rulesOf(scope);
    if (config === undefined) return undefined;
    const rules = new AccessRules(config);
    this.#rules.set(scope, rules);
    if (!rules.any) return undefined;
    const denies = policyCounter(this.#context.metrics, scope, "access", "deny");
    return {
      access: (exchange) => {
        if (rules.denial(exchange) === undefined) return;
        denies.count();
        refuse(exchange, FORBIDDEN);
      },
    };
  }

  explain(scope: RouteScope, exchange: Exchange): string | undefined {
    const rules = this.#rules.get(scope);
    if (rules === undefined) return undefined;
    return rules.denial(exchange) ?? "no rule denies it";
  }

  stop(): void {}
}
