/** Static files at work (spec 02 section 7). @module */
import type {
  EdgeModule,
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import type { WebConfig } from "./schema.ts";
import { FILE_RULES, type FileRule, joinedRule } from "./file_rules.ts";
import { Site } from "./site.ts";
import { explainPages, pageStep } from "./pages.ts";
import { DEFAULT_MEMORY } from "./defaults.ts";
import { memoryOf } from "./error_page.ts";
import { hasRoot, tablesWithRoot } from "./table.ts";
import { TreeWatch } from "./files/watch.ts";

export { answer } from "./answer.ts";
export { errorPage, pageSite } from "./error_page.ts";
export { Links } from "./files/links.ts";
export { locate, locateAny, type Looker, type Place } from "./files/lookup.ts";
export { isHiddenName } from "./files/request_path.ts";
export { FILE_RULES, type FileRule } from "./file_rules.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "web",
  open: () => ({ start: (snapshot) => new RunningSites(snapshot) }),
};

/** The sites of one snapshot. What a site remembers outlives a reload that changes neither it nor a root. */
class RunningSites implements RunningModule {
  readonly #context: SnapshotContext;
  readonly #roots: string;
  readonly #sites = new Map<WebConfig, Site>();
  readonly #rules: readonly ((scope: RouteScope) => FileRule | undefined)[];
  readonly #stopUsingMemory: () => void;

  constructor(context: SnapshotContext) {
    this.#context = context;
    this.#rules = context.extensions(FILE_RULES);
    const { config } = context;
    const roots = new Set<string>();
    for (const { web } of tablesWithRoot(config)) roots.add(web.root);
    this.#roots = JSON.stringify([...roots].sort());
    this.#stopUsingMemory = memoryOf(context).use(
      config.web_memory ?? DEFAULT_MEMORY,
      config.server.process.threads,
    );
  }

  plan(scope: RouteScope): Steps | undefined {
    const site = this.#siteOf(scope);
    const page = pageStep(scope, this.#context);
    if (site === undefined) return page && { page };
    return { serve: (exchange) => site.serve(exchange), page };
  }

  explain(
    scope: RouteScope,
    exchange: Parameters<Site["explain"]>[0],
    phase?: Phase,
  ): string | undefined {
    if (phase === "page") return explainPages(scope, exchange.status);
    const site = this.#siteOf(scope);
    if (site === undefined) return undefined;
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      return `files are not served to ${exchange.method}`;
    }
    return site.explain(exchange);
  }

  stop(): void {
    this.#stopUsingMemory();
  }

  #siteOf(scope: RouteScope): Site | undefined {
    const { vhost, route } = scope;
    const web = route === undefined ? vhost.web : route.web;
    if (!hasRoot(web)) return undefined;
    let site = this.#sites.get(web);
    if (site === undefined) {
      const { clock, log, keep } = this.#context;
      const watch = keep(
        `web/watch ${this.#roots}`,
        () => new TreeWatch(JSON.parse(this.#roots), clock),
      );
      const memory = memoryOf(this.#context);
      const rule = joinedRule(this.#rules.flatMap((ruleOf) => ruleOf(scope) ?? []));
      site = keep(
        `web/site ${this.#roots} ${rule?.key ?? ""} ${JSON.stringify(web)}`,
        () => new Site(web, { clock, log, memory, watch, rule }, web.precompressed),
      );
      this.#sites.set(web, site);
    }
    return site;
  }
}
