/** Where `web` tables are allowed, and what holds where they do not say. @module */
import type { Config } from "../../config/types.ts";
import type { PageConfig, SiteConfig, WebConfig } from "./schema.ts";

/** Whether files are served from this table. */
export function hasRoot(web: WebConfig | undefined): web is SiteConfig {
  return web?.root !== undefined;
}

/** Every table that serves files, and its key. */
export function* tablesWithRoot(config: Config): Generator<{ web: PageConfig; key: string }> {
  for (const [v, vhost] of config.vhosts.entries()) {
    // The implicit vhost of a configuration without any has the table of the root.
    const isRootTable = vhost.web !== undefined && vhost.web === config.web;
    if (hasRoot(vhost.web)) {
      yield { web: vhost.web, key: isRootTable ? "web" : `vhosts[${v}].web` };
    }
    for (const [r, route] of vhost.routes.entries()) {
      if (hasRoot(route.web)) yield { web: route.web, key: `vhosts[${v}].routes[${r}].web` };
    }
  }
}
