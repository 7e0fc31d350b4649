/**
 * Pages in place of the gateway's own answers when an upstream fails: `[[proxy.error_pages]]` (spec 02
 * section 7.6).
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import type { Grant, Module } from "../../gateway/module.ts";
import { proxyTables } from "../proxy/table.ts";
import { checkRoot, pageFault, rootGrants } from "../web/module.ts";
import { type ErrorPages, errorPagesSchema } from "./schema.ts";
import { pagesIn } from "./table.ts";

/** The module `error-pages`. */
export const module: Module = {
  name: "error-pages",
  schema: [{
    table: "proxy.error_pages",
    scopes: ["root", "vhost", "route"],
    schema: errorPagesSchema,
    reload: "live",
  }],
  manifest: { read: true },
  check(config): Problem[] {
    const problems: Problem[] = [];
    for (const [pages, key, asksFirst] of pagesOf(config)) {
      problems.push(...needlessPages(pages, key, asksFirst));
      pages.forEach((page, index) => {
        if (pages.findIndex(({ status }) => status === page.status) < index) {
          const message = `${page.status} has a page already; each status has at most one`;
          problems.push({ key: `${key}[${index}].status`, message });
        }
      });
    }
    return problems;
  },
  needs(config) {
    const read: Grant[] = [];
    for (const [pages, key] of pagesOf(config)) {
      pages.forEach(({ web }, index) => read.push(...rootGrants(web, `${key}[${index}].web.root`)));
    }
    return { grants: { read } };
  },
  async preflight(config) {
    const problems: Problem[] = [];
    for (const [pages, key] of pagesOf(config)) {
      for (const [index, page] of pages.entries()) {
        const wrong = await checkRoot(page.web, `${key}[${index}].web.root`);
        if (wrong.length === 0) wrong.push(...await missingPage(page, `${key}[${index}].path`));
        problems.push(...wrong);
      }
    }
    return problems;
  },
  edge: async () => (await import("./edge.ts")).edge,
};

/**
 * What the gateway answers when an upstream fails: 502, and 500 when an auth service answers what is
 * none. An answer of an upstream's own passes as it is.
 */
const UPSTREAM_FAILURE = 502;
const AUTH_FAILURE = 500;

/** Pages that are never sent. @param asksFirst Whether the block has an auth service. */
function* needlessPages(pages: ErrorPages, key: string, asksFirst: boolean): Generator<Problem> {
  for (const [index, { status }] of pages.entries()) {
    if (status === UPSTREAM_FAILURE || (status === AUTH_FAILURE && asksFirst)) continue;
    yield {
      key: `${key}[${index}].status`,
      message: status === AUTH_FAILURE
        ? `${status} is no failure without auth_request: the page is never sent`
        : `${status} is no failure of what is behind the gateway: the page is never sent`,
      hint:
        "failures of an upstream are 502, those of an auth service 502 or 500; pages for all other " +
        "answers of the gateway are those of [[vhosts.error_pages]]",
      warning: true,
    };
  }
}

/** A page may still be put there: without it failures are answered all the same. */
async function missingPage(
  { web, path }: ErrorPages[number],
  key: string,
): Promise<Problem[]> {
  const fault = await pageFault(web, path);
  if (fault === undefined) return [];
  return [{ key, message: `${path} ${fault}: failures are answered without it`, warning: true }];
}

/** The pages of every block that has some, their key, and whether the block asks an auth service first. */
function* pagesOf(
  config: Config,
): Generator<readonly [ErrorPages, key: string, asksFirst: boolean]> {
  for (const { proxy, scope, key } of proxyTables(config)) {
    const pages = pagesIn(scope);
    if (pages.length === 0) continue;
    yield [pages, `${key}.error_pages`, proxy.auth_request?.enabled === true];
  }
}
