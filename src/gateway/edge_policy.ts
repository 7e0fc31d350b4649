/**
 * What the edge policies (access, rate limits, concurrency limits, auth requests, mirrors) have in
 * common: the scopes a configuration gives them, the counter they all feed, the names of the zones
 * they share between workers, and whether there are places to decide by.
 *
 * @module
 */
import type { Config, RouteConfig, VhostConfig } from "../config/types.ts";
import type { Counter, Metrics } from "./reports/metrics.ts";
import type { RouteScope } from "./module.ts";

/** `policy` label of `fluxheim_edge_policy_events_total` (spec 02 section 11.5). */
export type EdgePolicy =
  | "access"
  | "rate_limit"
  | "concurrency"
  | "auth_request"
  | "auth_basic"
  | "auth_jwt"
  | "mirror";

/** `outcome` label of `fluxheim_edge_policy_events_total`. */
export type EdgeOutcome =
  | "deny"
  | "delay"
  | "reject"
  | "allow"
  | "error"
  | "success"
  | "skipped"
  | "other";

/** The series that counts `outcome` of `policy` in `scope`; ask for it when a plan is compiled. */
export function policyCounter(
  metrics: Metrics,
  scope: RouteScope,
  policy: EdgePolicy,
  outcome: EdgeOutcome,
): Counter {
  return metrics.counter("fluxheim_edge_policy_events_total", {
    scope: scope.route === undefined ? "vhost" : "route",
    vhost: scope.vhost.name,
    route: scope.route?.name ?? "",
    policy,
    outcome,
  });
}

/** Every scope of a configuration: each vhost's own, then those of its routes. */
export function* scopesOf(config: Config): Generator<RouteScope> {
  for (const [v, vhost] of config.vhosts.entries()) {
    const key = `vhosts[${v}]`;
    yield { config, vhost, route: undefined, key };
    for (const [r, route] of vhost.routes.entries()) {
      yield { config, vhost, route, key: `${key}.routes[${r}]` };
    }
  }
}

/** Where the tables of a scope itself stand: in its route, else in its vhost. */
export function ownTables({ vhost, route }: RouteScope): RouteConfig | VhostConfig {
  return route ?? vhost;
}

/** Something for each scope of one snapshot, by the object that has its tables. */
export class ByScope<T> {
  readonly #found = new Map<RouteConfig | VhostConfig, T>();

  get(scope: RouteScope): T | undefined {
    return this.#found.get(ownTables(scope));
  }

  set(scope: RouteScope, value: T): void {
    this.#found.set(ownTables(scope), value);
  }
}

/**
 * Whether it is known where clients are: `geoip.enabled`. Read by shape, because a build with policies
 * that ask for it need not have the GeoIP module.
 */
export function placesAreKnown(config: Config): boolean {
  const geoip: unknown = Reflect.get(config, "geoip");
  return typeof geoip === "object" && geoip !== null && Reflect.get(geoip, "enabled") === true;
}

/** What names a scope. */
export interface NamedScope {
  readonly vhost: { readonly name: string; readonly routes: readonly Named[] };
  readonly route: Named | undefined;
}

interface Named {
  readonly name: string;
}

/**
 * A name for a zone of `scope` that a reload keeps as long as the vhost and the route keep theirs,
 * wherever in the file they move. Routes may share a name, so the ordinal among that name counts.
 */
export function zoneName(module: string, { vhost, route }: NamedScope): string {
  if (route === undefined) return JSON.stringify([module, vhost.name]);
  const namesakes = vhost.routes.filter((other) => other.name === route.name);
  return JSON.stringify([module, vhost.name, route.name, namesakes.indexOf(route)]);
}
