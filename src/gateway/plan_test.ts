/** The order of a plan is the one that `docs/phases.md` explains. */
import assert from "node:assert/strict";
import type { PlanStep } from "./exchange/exchange.ts";
import type { Step } from "./exchange/exchange.ts";
import { type Phase, PHASES, type RouteScope, type RunningModule } from "./module.ts";
import { joinPlan, type OwnSteps, scopeSteps } from "./plan.ts";

const page = Deno.readTextFileSync(new URL("../../docs/phases.md", import.meta.url));
/** As the page explains them, one heading each. */
const explained = [...page.matchAll(/^## `(\w+)`$/gm)].map(([, name]) => name);

/** Steps that differ by name. */
function step(name: string): Step {
  return Object.defineProperty(() => {}, "name", { value: name });
}

function names(steps: readonly PlanStep[]): string[] {
  return steps.map(({ name }) => name);
}

const everywhere: RunningModule = {
  plan: () => Object.fromEntries(PHASES.map((phase): [Phase, Step] => [phase, step(phase)])),
  stop() {},
};
// No module of this test looks at it.
const scope = {} as RouteScope;
const all = scopeSteps(scope, [everywhere]);
const own: OwnSteps = {
  limits: step("limits"),
  requestId: step("requestId"),
  httpsRedirect: step("httpsRedirect"),
  rewrite: step("rewrite"),
  redirect: step("redirect"),
  restorePath: step("restorePath"),
};

Deno.test("a plan runs the phases in the order that their page explains them", () => {
  const plan = joinPlan(all, undefined, undefined, own);
  const run = [
    ...plan.steps,
    ...plan.failure,
    ...plan.page,
    ...plan.refusal,
    ...plan.response,
  ];
  assert.deepEqual(names(run), explained);
});

Deno.test("the steps of a vhost run before those of its route, and of its policy route", () => {
  const named = (which: string) =>
    scopeSteps(scope, [{
      plan: () => Object.fromEntries(PHASES.map((phase) => [phase, step(`${which} ${phase}`)])),
      stop() {},
    }]);
  const plan = joinPlan(named("vhost"), named("route"), named("policy"), own);
  assert.deepEqual(names(plan.steps), [
    "vhost identify",
    ...["vhost access", "route access", "policy access"],
    ...["vhost rate", "policy rate"],
    ...["vhost concurrency", "policy concurrency"],
    ...["vhost delay", "policy delay"],
    ...["limits", "requestId", "httpsRedirect", "route check"],
    ...["vhost authenticate", "route authenticate", "policy authenticate", "rewrite"],
    ...["policy authorize", "redirect", "route serve"],
    ...["route authorize", "route mirror", "route lookup", "route forward", "restorePath"],
    ...["vhost authorize", "vhost mirror", "vhost lookup", "vhost forward"],
  ]);
});

Deno.test("a scope without steps has only those of the gateway itself", () => {
  const none = scopeSteps(scope, [{ plan: () => undefined, stop() {} }]);
  const { steps } = joinPlan(none, undefined, undefined, {
    ...own,
    requestId: undefined,
    httpsRedirect: undefined,
    rewrite: undefined,
    redirect: undefined,
  });
  assert.deepEqual(names(steps), ["limits"]);
});

Deno.test("the diagram of the page names each phase, in their order", () => {
  const diagram = /```mermaid\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const places = explained.map((name) => new RegExp(`\\b${name}\\b`).exec(diagram)?.index ?? -1);
  assert.ok(!places.includes(-1), explained[places.indexOf(-1)]);
  assert.deepEqual(places, [...places].sort((a, b) => a - b));
});
