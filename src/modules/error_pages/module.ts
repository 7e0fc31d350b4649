/**
 * Pages in place of the gateway's own answers when an upstream fails: `[[proxy.error_pages]]` (spec 02
 * section 7.6).
 *
 * @module
 */
import { z } from "zod";
import type { Config, Problem } from "../../config/types.ts";
import type { Frozen } from "../../config/frozen.ts";
import { pathValue, status } from "../../config/values.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Grant, Module, RouteScope, RunningModule, Steps } from "../../gateway/module.ts";
import { proxyOf, proxyTables } from "../proxy/module.ts";
import { checkRoot, errorPage, pageSchema, rootGrants } from "../web/module.ts";

/** Most pages of one proxy block. */
const MAX_PAGES = 64;

const errorPagesSchema = z.array(z.strictObject({
  status: status({ min: 400, max: 599 }).describe("Status the page is for; it is kept."),
  path: pathValue().describe("The page below `web.root`."),
  web: pageSchema.describe("Where the page is; as `[web]`."),
})).max(MAX_PAGES).default([]).describe("Pages in place of failures of the upstream.");

type ErrorPages = Frozen<z.output<typeof errorPagesSchema>>;

declare module "../proxy/schema.ts" {
  interface ProxyTables {
    readonly error_pages?: ErrorPages;
  }
}

/** The module `error-pages`. */
export const module: Module = {
  name: "error-pages",
  schema: [{
    table: "proxy.error_pages",
    scopes: ["root", "vhost", "route"],
    schema: errorPagesSchema,
  }],
  manifest: { read: true },
  check(config): Problem[] {
    const problems: Problem[] = [];
    for (const [pages, key] of pagesOf(config)) {
      pages.forEach((page, index) => {
        if (pages.findIndex(({ status }) => status === page.status) < index) {
          const message = `${page.status} has a page already; each status has at most one`;
          problems.push({ key: `${key}[${index}].status`, message });
        }
      });
    }
    return problems;
  },
  permissions(config) {
    const read: Grant[] = [];
    for (const [pages, key] of pagesOf(config)) {
      pages.forEach(({ web }, index) => read.push(...rootGrants(web, `${key}[${index}].web.root`)));
    }
    return { read };
  },
  async preflight(config) {
    const problems: Problem[] = [];
    for (const [pages, key] of pagesOf(config)) {
      for (const [index, { web }] of pages.entries()) {
        problems.push(...await checkRoot(web.root, `${key}[${index}].web.root`));
      }
    }
    return problems;
  },
  start() {
    return Promise.resolve(RUNNING);
  },
};

const RUNNING: RunningModule = {
  plan(scope): Steps | undefined {
    const pages = pagesIn(scope);
    if (pages.length === 0) return undefined;
    return { failure: (exchange) => replace(exchange, pages) };
  },
  stop() {},
};

/** Puts the page for the answer's status in its place, if there is one that can be read. */
function replace(exchange: Exchange, pages: ErrorPages): void {
  const entry = pages.find(({ status }) => status === exchange.status);
  if (entry === undefined) return;
  const page = errorPage(entry.web, entry.path);
  if (page === undefined) return;
  exchange.response = page.fields;
  exchange.responseBody = page.body;
  exchange.hasErrorPage = true;
}

function pagesIn(scope: RouteScope): ErrorPages {
  return proxyOf(scope)?.error_pages ?? [];
}

function* pagesOf(config: Config): Generator<readonly [ErrorPages, key: string]> {
  for (const { scope, key } of proxyTables(config)) {
    const pages = pagesIn(scope);
    if (pages.length > 0) yield [pages, `${key}.error_pages`];
  }
}
