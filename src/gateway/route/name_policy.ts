/**
 * Policies of what is served by another name than the one that was asked for: the index file of a
 * directory, the file that a compressed one was made of. A route that guards `/private/index.html` guards
 * it for a request of `/private/` as well.
 *
 * The action stays that of the route that the request chose, as for the policy route (spec 02 section
 * 4.4): a route may redirect `/index.html` to `/`, which serves it.
 *
 * @module
 */
import { percentDecode } from "../../http/percent.ts";
import type { Exchange, NamePolicies, NamePolicy, Step } from "../exchange/exchange.ts";
import type { ScopeSteps } from "../plan.ts";
import type { RouteMatch, RouteTable } from "./route_table.ts";

/** The policies of one vhost's routes, compiled. */
export class RoutePolicies implements NamePolicies {
  readonly #routes: RouteTable;
  /** By scope: the vhost's own first, then one for each route. */
  readonly #policies: readonly NamePolicy[];

  constructor(routes: RouteTable, scopes: readonly ScopeSteps[]) {
    this.#routes = routes;
    this.#policies = scopes.map((scope) => ({
      steps: [
        ...scope.identify,
        ...scope.access,
        ...scope.rate,
        ...scope.concurrency,
        ...scope.delay,
        ...scope.authenticate,
        ...scope.authorize,
      ],
      isGuarded: scope.access.length > 0 || scope.authenticate.length > 0 ||
        scope.authorize.length > 0,
      refusal: scope.refusal,
      response: scope.response,
      recodes: scope.recodes,
    }));
  }

  /**
   * The policy that holds for content at `path` beside the policies of the request's plan, or `undefined`
   * when there is none. As for the policy route, the fallback route guards no name of its own.
   *
   * @param path Percent-encoded, and safe.
   */
  of(exchange: Exchange, path: string): NamePolicy | undefined {
    const routes = this.#routes;
    const { method, plan } = exchange;
    const raw = this.#policyOf(routes.matchSpecific(method, path, exchange), plan?.scopes);
    if (path.indexOf("%") < 0 && !routes.hasEscapes) return raw;
    const decoded = percentDecode(path);
    let policy = raw;
    for (const guard of decoded === undefined ? [] : routes.guardsOf(method, decoded, exchange)) {
      const other = this.#policyOf(guard, plan?.scopes);
      if (other === undefined || other === raw) continue;
      policy = policy === undefined ? other : both(policy, other);
    }
    return policy;
  }

  #policyOf(
    match: RouteMatch | undefined,
    held: readonly number[] | undefined,
  ): NamePolicy | undefined {
    if (match === undefined) return undefined;
    const at = match.index + 1;
    return held?.includes(at) === true ? undefined : this.#policies[at];
  }
}

/** Both decide who may have the content; the answer is that of `one`. */
function both(one: NamePolicy, other: NamePolicy): NamePolicy {
  return {
    ...one,
    steps: [...one.steps, ...other.steps],
    isGuarded: one.isGuarded || other.isGuarded,
  };
}

/**
 * Runs the steps of `policy`.
 *
 * @returns Nothing when all of them decided at once. Either way the request may go on where
 * `exchange.status` is still 0.
 */
export function askPolicy(policy: NamePolicy, exchange: Exchange): void | Promise<void> {
  const { steps } = policy;
  for (let i = 0; i < steps.length; i++) {
    const waiting = steps[i](exchange);
    if (waiting !== undefined) return askRest(waiting, steps, i + 1, exchange);
    if (exchange.status !== 0) return;
  }
}

async function askRest(
  first: Promise<void>,
  steps: readonly Step[],
  from: number,
  exchange: Exchange,
): Promise<void> {
  await first;
  for (let i = from; i < steps.length && exchange.status === 0 && !exchange.aborted; i++) {
    await steps[i](exchange);
  }
}
