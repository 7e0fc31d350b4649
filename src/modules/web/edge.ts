/** Static files at work (spec 02 section 7). @module */
import type { EdgeModule, RouteScope, RunningModule, Steps } from "../../gateway/module.ts";
import { workerMemory } from "./files/memory.ts";
import type { WebConfig } from "./schema.ts";
import { Site } from "./site.ts";
import { DEFAULT_MEMORY } from "./defaults.ts";
import { hasRoot, tablesWithRoot } from "./table.ts";
import { TreeWatch } from "./files/watch.ts";

export { errorPage } from "./error_page.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "web",

  start({ config, clock, log }): Promise<RunningModule> {
    const unuseMemory = workerMemory.use(
      config.web_memory ?? DEFAULT_MEMORY,
      config.server.process.threads,
    );
    const roots = new Set<string>();
    for (const { web } of tablesWithRoot(config)) roots.add(web.root);
    const watch = new TreeWatch(roots, clock);
    const context = { clock, log, memory: workerMemory, watch };
    const sites = new Map<WebConfig, Site>();
    const siteOf = ({ vhost, route }: RouteScope): Site | undefined => {
      const web = route === undefined ? vhost.web : route.web;
      if (!hasRoot(web)) return undefined;
      let site = sites.get(web);
      if (site === undefined) sites.set(web, site = new Site(web, context, web.precompressed));
      return site;
    };

    return Promise.resolve({
      plan(scope): Steps | undefined {
        const site = siteOf(scope);
        return site && { serve: (exchange) => site.serve(exchange) };
      },
      explain(scope, exchange): string | undefined {
        const site = siteOf(scope);
        if (site === undefined) return undefined;
        if (exchange.method !== "GET" && exchange.method !== "HEAD") {
          return `files are not served to ${exchange.method}`;
        }
        return site.explain(exchange);
      },
      async stop() {
        for (const site of sites.values()) site.clear();
        unuseMemory();
        await watch.close();
      },
    });
  },
};
