/**
 * The proxy blocks of a configuration, with the keys that operators know them by.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { ProxyConfig } from "./schema.ts";

/** A proxy block and where it stands. */
export interface ProxyTable {
  readonly proxy: ProxyConfig;
  readonly scope: RouteScope;
  /** `vhosts[0].routes[1].proxy`, or `proxy` for the vhost that stands for the global tables. */
  readonly key: string;
}

/** The proxy block of a scope's own. */
export function proxyOf({ vhost, route }: RouteScope): ProxyConfig | undefined {
  return route === undefined ? vhost.proxy : route.proxy;
}

/** The one origin a block forwards to, or `undefined` when it has none. */
export function originOf(proxy: ProxyConfig): string | undefined {
  return proxy.upstream ?? proxy.upstreams[0];
}

/** Every proxy block that is used. */
export function* proxyTables(config: Config): Generator<ProxyTable> {
  for (const scope of scopesOf(config)) {
    const proxy = proxyOf(scope);
    if (proxy === undefined) continue;
    yield { proxy, scope, key: isGlobal(scope) ? "proxy" : `${scope.key}.proxy` };
  }
}

/** Whether the block of `scope` is `[proxy]` itself, which a configuration without vhosts uses. */
export function isGlobal({ config, vhost, route }: RouteScope): boolean {
  return route === undefined && vhost.proxy !== undefined && vhost.proxy === config.proxy;
}

/** A block's origin, and the key that names it. */
export function keyedOrigin(
  { proxy, key }: ProxyTable,
): { origin: string; key: string } | undefined {
  const origin = originOf(proxy);
  if (origin === undefined) return undefined;
  return { origin, key: proxy.upstream === undefined ? `${key}.upstreams[0]` : `${key}.upstream` };
}
