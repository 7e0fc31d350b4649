/** The status of all pools, or of some, as one answer that is never too long to be sent. @module */
import type { NamedScope } from "../../../gateway/edge_policy.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";

/** A pool, and how it is shown. */
export interface ShownPool {
  readonly table: { readonly scope: NamedScope };
  readonly status: Plain;
}

/**
 * Most characters of JSON that pools take up in one answer: the status of the gateway has them beside its own
 * keys, and an answer of the admin API, or of a call at two bytes a character, has at most 1 MiB.
 */
const MAX_CHARS = 500_000;

/**
 * Vhosts with a pool of their own or of a route, in their order.
 *
 * @param pools What was asked for. Those that find no room are left out, and `truncated` says so: they can be
 * asked for by their vhost.
 */
export function statusOf(pools: Iterable<ShownPool>): { readonly [key: string]: Plain } {
  const vhosts = new Map<string, { pool: Plain; routes: Plain[] }>();
  let chars = 0;
  let truncated = false;
  for (const { table: { scope: { vhost, route } }, status } of pools) {
    const length = JSON.stringify(status).length;
    if (chars + length > MAX_CHARS) {
      truncated = true;
      break;
    }
    chars += length;
    let found = vhosts.get(vhost.name);
    if (found === undefined) vhosts.set(vhost.name, found = { pool: null, routes: [] });
    if (route === undefined) found.pool = status;
    else found.routes.push({ name: route.name, pool: status });
  }
  return {
    vhosts: [...vhosts].map(([name, { pool, routes }]) => ({ name, pool, routes })),
    ...(truncated ? { truncated } : {}),
  };
}
