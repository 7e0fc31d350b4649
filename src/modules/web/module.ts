/**
 * Static files: `[web]`, `[vhosts.web]`, `[vhosts.routes.web]` (spec 02 section 7).
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Body } from "../../http/body.ts";
import type { Fields } from "../../http/fields.ts";
import { SILENT } from "../../gateway/log_none.ts";
import type { Grant, Module, RouteScope, RunningModule, Steps } from "../../gateway/module.ts";
import { MAX_RESPONSE_BYTES } from "./answer.ts";
import { Memory } from "./memory.ts";
import { checkListing, checkRoot, rootGrants } from "./preflight.ts";
import { DEFAULT_MEMORY, hasRoot, type PageConfig, type WebConfig, webTables } from "./schema.ts";
import { Site } from "./site.ts";
import { TreeWatch } from "./watch.ts";

export { checkRoot, rootGrants } from "./preflight.ts";
export { type PageConfig, pageSchema, type WebConfig } from "./schema.ts";

/**
 * One for each worker, not for each snapshot: while a reload drains the old snapshot, both keep files
 * within the same bound.
 */
const memory = new Memory();

/** Serves static files. */
export const module: Module = {
  name: "web",
  schema: webTables,
  manifest: { read: true },

  permissions(config) {
    const read: Grant[] = [];
    for (const { web, key } of tablesWithRoot(config)) read.push(...rootGrants(web, `${key}.root`));
    return { read };
  },

  async preflight(config) {
    const problems: Problem[] = [];
    for (const { web, key } of tablesWithRoot(config)) {
      const wrong = await checkRoot(web.root, `${key}.root`);
      if (wrong.length === 0) wrong.push(...await checkListing(web, `${key}.root`));
      problems.push(...wrong);
    }
    return problems;
  },

  start({ config, clock, log }): Promise<RunningModule> {
    const unuseMemory = memory.use(
      config.web_memory ?? DEFAULT_MEMORY,
      config.server.process.threads,
    );
    const roots = new Set<string>();
    for (const { web } of tablesWithRoot(config)) roots.add(web.root);
    const watch = new TreeWatch(roots, clock);
    const context = { clock, log, memory, watch };
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

/** A file that takes the place of an answer of the gateway's own. */
export interface ErrorPage {
  /** The caller's own; without `content-length`. */
  readonly fields: Fields;
  /** To be read to its end or cancelled, as every body. */
  readonly body: Uint8Array | Body;
}

/** The page sites of error pages live as long as the configuration they are in. */
const pageSites = new WeakMap<PageConfig, Site>();
const NEVER_WATCHED = { changes: 0 };
const WALL = {
  get now(): number {
    return performance.now();
  },
};
const PAGE_CONTEXT = { clock: WALL, log: SILENT, memory, watch: NEVER_WATCHED };

/**
 * The page for an error of the gateway (spec 02 section 7.6). Conditions and ranges of the request
 * play no part, its status is the caller's.
 *
 * @param web The `web` table of an entry of `proxy.error_pages`.
 * @param path Its `path`.
 * @returns `undefined` when the page is missing, cannot be read or is larger than 64 MiB.
 */
export function errorPage(web: PageConfig, path: string): ErrorPage | undefined {
  let site = pageSites.get(web);
  if (site === undefined) {
    site = new Site(web, PAGE_CONTEXT);
    pageSites.set(web, site);
  }
  let content;
  try {
    content = site.content(path);
  } catch {
    return undefined;
  }
  if (content === undefined) return undefined;
  const { length } = content.representation;
  if (length > MAX_RESPONSE_BYTES) {
    content.discard();
    return undefined;
  }
  const fields = content.representation.fields();
  // They are of the page, and would be taken for those of what was asked for.
  for (const name of ["etag", "last-modified", "accept-ranges"]) fields.delete(name);
  return { fields, body: content.part(0, length) };
}

/**
 * Why {@linkcode errorPage} would find nothing to send, as the rest of a sentence that begins with the
 * path; `undefined` when there is a page.
 */
export function pageFault(web: PageConfig, path: string): string | undefined {
  const site = new Site(web, { ...PAGE_CONTEXT, memory: new Memory() });
  try {
    const content = site.content(path);
    content?.discard();
    if (content === undefined) return `is no file below ${web.root}`;
    return content.representation.length > MAX_RESPONSE_BYTES ? "is larger than 64 MiB" : undefined;
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Every table that serves files, and its key. */
function* tablesWithRoot(config: Config): Generator<{ web: PageConfig; key: string }> {
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
