/** Where mirrors are allowed, and the shared tables they need. @module */
import type { Config } from "../../config/types.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { proxyOf, proxyTables } from "../proxy/table.ts";
import type { MirrorConfig } from "./schema.ts";

/** Zones of the requests in flight. */
export const IN_FLIGHT_ZONE = "traffic-mirror";
/** Zone of the salt that all workers sample by. */
export const SALT_ZONE = "traffic-mirror/salt";

/** A mirror that is switched on. */
export interface EnabledMirror {
  readonly mirror: MirrorConfig;
  readonly scope: RouteScope;
  readonly key: string;
}

/** The mirror of a scope's own, if it is switched on. */
export function mirrorOf(scope: RouteScope): MirrorConfig | undefined {
  const mirror = proxyOf(scope)?.mirror;
  return mirror?.enabled === true ? mirror : undefined;
}

/** Every mirror of `config` that is switched on. */
export function enabledMirrors(config: Config): EnabledMirror[] {
  const mirrors: EnabledMirror[] = [];
  for (const { scope, key } of proxyTables(config)) {
    const mirror = mirrorOf(scope);
    if (mirror !== undefined) mirrors.push({ mirror, scope, key: `${key}.mirror` });
  }
  return mirrors;
}
