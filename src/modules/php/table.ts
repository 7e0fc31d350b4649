/** Where `php` tables stand, and what holds where they do not say. @module */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf, zoneName } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { PhpConfig } from "./schema.ts";

/** A table that is switched on and has a root. */
export type EnabledPhp = PhpConfig & { readonly root: string };

/** Where it stands. */
export interface PhpTable {
  readonly php: EnabledPhp;
  readonly scope: RouteScope;
  /** `vhosts[0].php`. */
  readonly key: string;
}

/** The table of a scope's own, if it is switched on. */
export function phpOf(scope: RouteScope): EnabledPhp | undefined {
  const { php } = ownTables(scope);
  return php?.enabled === true && hasRoot(php) ? php : undefined;
}

function hasRoot(php: PhpConfig): php is EnabledPhp {
  return php.root !== undefined;
}

/** Every table that is switched on and has a root. */
export function* phpTables(config: Config): Generator<PhpTable> {
  for (const scope of scopesOf(config)) {
    const php = phpOf(scope);
    if (php !== undefined) yield { php, scope, key: `${scope.key}.php` };
  }
}

/** Name of the zone with the permits of a scope: requests that php-fpm works on. */
export function permitZone(scope: RouteScope): string {
  return zoneName("php", scope);
}

/** Name of the zone with the bodies that are being collected for a scope. */
export function uploadZone(scope: RouteScope): string {
  return zoneName("php/uploads", scope);
}

/** Name of the zone with the idle connections of a scope. */
export function idleZone(scope: RouteScope): string {
  return zoneName("php/idle", scope);
}

/** `pool` label of metrics and the beginning of log lines: the route's name, or `default`. */
export function poolLabel({ route }: RouteScope): string {
  return route === undefined ? "default" : route.name;
}
