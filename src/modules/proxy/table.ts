/**
 * The proxy blocks of a configuration, with the keys that operators know them by.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { AuthRequestConfig, ProxyConfig } from "./schema.ts";

export type { ProxyConfig } from "./schema.ts";

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

/** Keys by which a pool finds its members, of which each makes one. */
const DISCOVERY = ["upstreams_file", "upstreams_http_url", "upstream_dns_refresh_secs"] as const;

/**
 * Whether the load balancer chooses among several upstreams of a block. Read by shape: a build without it has
 * none of its keys.
 */
export function isBalanced(proxy: ProxyConfig): boolean {
  if (Reflect.get(proxy, "load_balance") === undefined || proxy.upstream !== undefined) {
    return false;
  }
  return proxy.upstreams.length > 1 ||
    DISCOVERY.some((key) => Reflect.get(proxy, key) !== undefined);
}

/** What of a block was fixed when the process started, because its permissions name it. */
export function fixedMembers(table: unknown): unknown {
  const proxy = table as Partial<ProxyConfig> | undefined;
  if (proxy?.upstreams === undefined || !isBalanced(proxy as ProxyConfig)) return undefined;
  const policy: unknown = Reflect.get(proxy, "load_balance");
  const health: unknown = Reflect.get(policy as object, "health_check");
  return [proxy.upstreams, Reflect.get(health as object, "enabled")];
}

/** Every proxy block that is used. */
export function* proxyTables(config: Config): Generator<ProxyTable> {
  for (const scope of scopesOf(config)) {
    const proxy = proxyOf(scope);
    if (proxy === undefined) continue;
    yield { proxy, scope, key: isGlobal(scope) ? "proxy" : `${scope.key}.proxy` };
  }
}

/** An `auth_request` table that is switched on. */
export type AskingConfig = AuthRequestConfig & { readonly url: string };

/** A table with a service to ask. */
export function asking(auth: AuthRequestConfig | undefined): AskingConfig | undefined {
  return auth?.enabled === true && auth.url !== undefined ? { ...auth, url: auth.url } : undefined;
}

/** Every `auth_request` that is switched on: of proxy blocks, which ask for them alone, and of scopes. */
export function* authRequests(
  config: Config,
): Generator<{ readonly auth: AuthRequestConfig; readonly key: string }> {
  for (const { proxy, key } of proxyTables(config)) {
    const auth = proxy.auth_request;
    if (auth?.enabled === true) yield { auth, key: `${key}.auth_request` };
  }
  for (const scope of scopesOf(config)) {
    const auth = ownTables(scope).auth_request;
    if (auth?.enabled === true) yield { auth, key: `${scope.key}.auth_request` };
  }
}

/** Whether the block of `scope` is `[proxy]` itself, which a configuration without vhosts uses. */
export function isGlobal({ config, vhost, route }: RouteScope): boolean {
  return route === undefined && vhost.proxy !== undefined && vhost.proxy === config.proxy;
}

/** The one origin of a block without a pool, and the key that names it. */
export function keyedOrigin(
  { proxy, key }: ProxyTable,
): { origin: string; key: string } | undefined {
  const origin = isBalanced(proxy) ? undefined : originOf(proxy);
  if (origin === undefined) return undefined;
  return { origin, key: proxy.upstream === undefined ? `${key}.upstreams[0]` : `${key}.upstream` };
}
