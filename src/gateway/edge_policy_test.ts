import assert from "node:assert/strict";
import { configOf, routeScope, vhostScope } from "./testing/modules.ts";
import type { Config } from "../config/types.ts";
import { policyCounter, scopesOf, zoneName } from "./edge_policy.ts";
import { CountingMetrics } from "./testing/metrics_fixture.ts";

Deno.test("scopes are each vhost and then its routes, with their keys", () => {
  const config = configOf({}, {});
  const twice: Config = { ...config, vhosts: [config.vhosts[0], config.vhosts[0]] };
  assert.deepEqual([...scopesOf(twice)].map(({ key }) => key), [
    "vhosts[0]",
    "vhosts[0].routes[0]",
    "vhosts[1]",
    "vhosts[1].routes[0]",
  ]);
});

Deno.test("events are counted by scope, vhost, route, policy and outcome", () => {
  const config = configOf({}, {});
  const metrics = new CountingMetrics();
  policyCounter(metrics, vhostScope(config), "access", "deny").count();
  policyCounter(metrics, routeScope(config), "mirror", "skipped").count();
  assert.deepEqual([...metrics.series()].map(({ name, labels }) => [name, labels]), [
    ["fluxheim_edge_policy_events_total", {
      scope: "vhost",
      vhost: "shop",
      route: "",
      policy: "access",
      outcome: "deny",
    }],
    ["fluxheim_edge_policy_events_total", {
      scope: "route",
      vhost: "shop",
      route: "api",
      policy: "mirror",
      outcome: "skipped",
    }],
  ]);
});

Deno.test("a zone keeps its name when its route moves, and no two scopes share one", () => {
  const config = configOf({}, {});
  const [vhost] = config.vhosts;
  const [api] = vhost.routes;
  const other = { ...api, name: "other" };
  const names = (routes: readonly (typeof api)[]) => {
    const moved: Config = { ...config, vhosts: [{ ...vhost, routes }] };
    return [...scopesOf(moved)].map((scope) => zoneName("test", scope));
  };
  const [own, first, second] = names([api, other]);
  assert.deepEqual(names([other, api]), [own, second, first]);
  assert.equal(new Set(names([api, { ...api }, other])).size, 4);
  assert.notEqual(zoneName("test", vhostScope(config)), zoneName("else", vhostScope(config)));
});
