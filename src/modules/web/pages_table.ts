/** Which pages a scope has for answers of the gateway's own. @module */
import type { Config } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import type { RouteScope } from "../../gateway/module.ts";
import type { PageConfig } from "./schema.ts";
import type {} from "./pages_schema.ts";
import { hasRoot } from "./table.ts";

/** One page, with the statuses it is for and the table of its root. */
export interface StatusPage {
  readonly statuses: readonly number[];
  readonly path: string;
  /** `undefined` where neither the page nor the scope has a root. */
  readonly web: PageConfig | undefined;
  /** The page has a `web` table of its own. */
  readonly hasOwnRoot: boolean;
}

/** The pages of a scope's own list. */
export function statusPagesOf(scope: RouteScope): readonly StatusPage[] {
  return (ownTables(scope).error_pages ?? []).map(({ status, path, web }): StatusPage => {
    const own = scope.route?.web ?? scope.vhost.web;
    return {
      statuses: typeof status === "number" ? [status] : status,
      path,
      // An error must not outlast itself in a cache.
      web: web ?? (hasRoot(own) ? { ...own, cache_control: "private, no-store" } : undefined),
      hasOwnRoot: web !== undefined,
    };
  });
}

/** The pages of every scope, with their keys. */
export function* allStatusPages(config: Config): Generator<readonly [StatusPage, key: string]> {
  for (const scope of scopesOf(config)) {
    for (const [index, page] of statusPagesOf(scope).entries()) {
      yield [page, `${scope.key}.error_pages[${index}]`];
    }
  }
}
