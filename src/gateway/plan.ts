/**
 * The compiled way of a request: for each route one flat list of steps, in the order of spec 02
 * section 3. Made when a snapshot is loaded; while a request waits nothing is looked up by name.
 *
 * @module
 */
import type { Plan, PlanStep, Recodes, Step } from "./exchange/exchange.ts";
import type { ContentSteps, OriginSteps, Phase, RouteScope, RunningModule } from "./module.ts";
import { PHASES } from "./module.ts";
import { type Around, wrapped } from "./origin.ts";

/** What the modules want to do in one scope, by phase, in the profile's order of modules. */
export type ScopeSteps = { readonly [P in Exclude<Phase, "serve">]: readonly Step[] } & {
  readonly serve: readonly PlanStep[];
  /** The step that asks the scope's origin, with everything around it; `undefined` where there is none. */
  readonly origin: PlanStep | undefined;
  readonly recodes: Recodes | undefined;
};

/** Asks every module for its steps in `scope`. */
export function scopeSteps(scope: RouteScope, modules: readonly RunningModule[]): ScopeSteps {
  const found: Record<Exclude<Phase, "serve">, Step[]> & { serve: PlanStep[] } = {
    identify: [],
    access: [],
    rate: [],
    concurrency: [],
    delay: [],
    check: [],
    authenticate: [],
    serve: [],
    authorize: [],
    mirror: [],
    lookup: [],
    forward: [],
    failure: [],
    page: [],
    refusal: [],
    response: [],
  };
  let recodes: Recodes | undefined;
  let origin: OriginSteps | undefined;
  const arounds: Around[] = [];
  const planned = modules.flatMap((module) => module.plan(scope) ?? []);
  const aroundContent = planned.flatMap(({ aroundContent }) => aroundContent ?? []);
  for (const steps of planned) {
    recodes ??= steps.recodes;
    origin ??= steps.origin;
    if (steps.around !== undefined) arounds.push(steps.around);
    if (steps.content !== undefined) found.serve.push(contentStep(steps.content, aroundContent));
    for (const phase of PHASES) {
      const step = steps[phase];
      if (step !== undefined) found[phase].push(step);
    }
  }
  return { ...found, recodes, origin: origin && originStep(origin, arounds) };
}

/** The steps of two scopes that both hold, phase by phase; what answers is that of `one`. */
export function stepsOfBoth(one: ScopeSteps, other: ScopeSteps): ScopeSteps {
  const joined = PHASES.map((phase) => [phase, [...one[phase], ...other[phase]]]);
  return { ...one, ...Object.fromEntries(joined) };
}

/** No function of its own waits here: what the codec waits for is the origin's own promise. */
function originStep(steps: OriginSteps, arounds: readonly Around[]): PlanStep {
  const origin = wrapped(steps.origin, arounds);
  return (exchange) => origin.fetch(steps.request(exchange), exchange);
}

/** The same for content of the scope's own: where there is no request, the next step is asked. */
function contentStep(steps: ContentSteps, arounds: readonly Around[]): PlanStep {
  const origin = wrapped(steps.origin, arounds);
  return (exchange) => {
    const request = steps.request(exchange);
    if (request === undefined) return;
    if (!(request instanceof Promise)) return origin.fetch(request, exchange);
    // A policy of what is executed has to be waited for.
    return request.then((made) => made === undefined ? undefined : origin.fetch(made, exchange));
  };
}

/** Steps of the gateway itself that are between those of the modules. */
export interface OwnSteps {
  /** Row 8: the request is larger than this scope takes. */
  readonly limits: Step;
  /** Row 9; `undefined` when request ids are off. */
  readonly requestId: Step | undefined;
  /** Row 10; `undefined` when cleartext is served. */
  readonly httpsRedirect: Step | undefined;
  /** Row 12, before the action; `undefined` when the path is served as it came. */
  readonly rewrite: Step | undefined;
  /** Row 12, the redirect action. */
  readonly redirect: Step | undefined;
  /** Undoes the rewrite where a route's content passes on to the vhost's. */
  readonly restorePath: Step;
}

/**
 * Joins the steps of a vhost, of the matched route and of the policy route into one plan.
 *
 * @param vhost The vhost's own scope.
 * @param route The matched route's scope, if a route matched.
 * @param policy The scope of the policy route (spec 02 section 4.4), if it is not the matched one.
 */
export function joinPlan(
  vhost: ScopeSteps,
  route: ScopeSteps | undefined,
  policy: ScopeSteps | undefined,
  own: OwnSteps,
): Omit<Plan, "scopes" | "names"> {
  const none: readonly Step[] = [];
  const narrow = route ?? vhost;
  const limiter = policy ?? route;
  const steps: PlanStep[] = [
    // 4: facts about the client, once, for whichever scope asks for them.
    ...([vhost, narrow, policy].find((scope) => scope !== undefined && scope.identify.length > 0)
      ?.identify ?? none),
    // 5: every scope that applies must agree.
    ...vhost.access,
    ...(route?.access ?? none),
    ...(policy?.access ?? none),
    // 6 and 7: the token is taken before the permit, so that a request that trips both gets 429; the
    // delay is slept with the permit in hand, so that sleepers count as in flight.
    ...vhost.rate,
    ...(limiter?.rate ?? none),
    ...vhost.concurrency,
    ...(limiter?.concurrency ?? none),
    ...vhost.delay,
    ...(limiter?.delay ?? none),
    // 8 to 10.
    own.limits,
    ...(own.requestId === undefined ? none : [own.requestId]),
    ...(own.httpsRedirect === undefined ? none : [own.httpsRedirect]),
    // 11 and 12.
    ...narrow.check,
    // As for access, every scope must agree; before the rewrite, so that signed paths are those that were asked for.
    ...vhost.authenticate,
    ...(route?.authenticate ?? none),
    ...(policy?.authenticate ?? none),
    ...(own.rewrite === undefined ? none : [own.rewrite]),
    // A policy of the decoded path, whatever answers: elsewhere row 13 asks, in front of the upstream.
    ...(policy?.authorize ?? none),
    ...(own.redirect === undefined ? none : [own.redirect]),
    ...narrow.serve,
    ...forwardSteps(narrow),
  ];
  let { failure } = narrow;
  if (route !== undefined && route.serve.length > 0 && forwardSteps(vhost).length > 0) {
    // A route's static content that has no such file passes on to the vhost's upstream.
    steps.push(own.restorePath, ...forwardSteps(vhost));
    failure = vhost.failure;
  }
  const { refusal, response, recodes } = narrow;
  const page = route === undefined ? vhost.page : [...route.page, ...vhost.page];
  return { steps, failure, page, refusal, response, recodes };
}

/** 13: what is in front of an upstream runs only when the upstream is really asked. */
function forwardSteps({ authorize, mirror, lookup, forward, origin }: ScopeSteps): PlanStep[] {
  if (forward.length === 0 && origin === undefined) return [];
  return [
    ...authorize,
    ...mirror,
    ...lookup,
    ...forward,
    ...(origin === undefined ? [] : [origin]),
  ];
}
