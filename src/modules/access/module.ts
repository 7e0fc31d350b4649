/**
 * Access rules of vhosts and routes (spec 02 section 11.1): allow and deny lists by client address,
 * client certificate, country and network.
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import { ByScope, ownTables, policyCounter, scopesOf } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type {
  Module,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";
import { AccessRules } from "./access_rules.ts";
import { checkCertificates, checkPlaces } from "./checks.ts";
import { type AccessConfig, accessSchema } from "./schema.ts";

export type { AccessConfig } from "./schema.ts";

const FORBIDDEN: Refusal = { status: 403, text: "forbidden", cause: "access" };

/** The rules of a scope's own table, if there is one that is switched on. */
function rulesOf(scope: RouteScope): AccessConfig | undefined {
  const table = ownTables(scope).access;
  return table?.enabled === true ? table : undefined;
}

/** The capability, for profiles. */
export const module: Module = {
  name: "access",
  schema: [{ table: "access", scopes: ["vhost", "route"], schema: accessSchema }],
  manifest: {},
  permissions: () => ({}),

  check(config) {
    const problems: Problem[] = [];
    for (const scope of scopesOf(config)) {
      const rules = rulesOf(scope);
      if (rules === undefined) continue;
      problems.push(...checkPlaces(config, rules, `${scope.key}.access`));
      problems.push(...checkCertificates(config, rules, `${scope.key}.access`));
    }
    return problems;
  },

  start(context) {
    return Promise.resolve(new Access(context));
  },
};

class Access implements RunningModule {
  readonly #context: WorkerContext;
  readonly #rules = new ByScope<AccessRules>();

  constructor(context: WorkerContext) {
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
