/**
 * Static files: `[web]`, `[vhosts.web]`, `[vhosts.routes.web]` (spec 02 section 7).
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { Grant, Module, RouteScope } from "../../gateway/module.ts";
import { statusPagesSchema } from "./pages_schema.ts";
import { allStatusPages, statusPagesOf } from "./pages_table.ts";
import { checkListing, checkRoot, rootGrants } from "./preflight.ts";
import { type PageConfig, webTables } from "./schema.ts";
import { tablesWithRoot } from "./table.ts";

export { checkRoot, rootGrants } from "./preflight.ts";
export { type PageConfig, pageSchema, type WebConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "web",
  schema: [...webTables, {
    table: "error_pages",
    scopes: ["vhost", "route"],
    schema: statusPagesSchema,
    reload: "live",
  }],
  manifest: { read: true },

  check(config) {
    const problems: Problem[] = [];
    for (const [page, key] of allStatusPages(config)) {
      if (page.web !== undefined) continue;
      problems.push({
        key: `${key}.web`,
        message: "must be given where the vhost or route has no web.root of its own",
        hint: `write web.root = "/srv/pages" beside path`,
      });
    }
    for (const scope of scopesOf(config)) problems.push(...statusesTwice(scope));
    return problems;
  },

  needs(config) {
    const read: Grant[] = [];
    for (const { web, key } of tablesWithRoot(config)) read.push(...rootGrants(web, `${key}.root`));
    for (const [{ web, hasOwnRoot }, key] of allStatusPages(config)) {
      if (web !== undefined && hasOwnRoot) read.push(...rootGrants(web, `${key}.web.root`));
    }
    return { grants: { read } };
  },

  async preflight(config) {
    const problems: Problem[] = [];
    for (const { web, key } of tablesWithRoot(config)) {
      const wrong = await checkRoot(web, `${key}.root`);
      if (wrong.length === 0) wrong.push(...await checkListing(web, `${key}.root`));
      problems.push(...wrong);
    }
    for (const [{ web, hasOwnRoot, path }, key] of allStatusPages(config)) {
      if (web === undefined) continue;
      const wrong = hasOwnRoot ? await checkRoot(web, `${key}.web.root`) : [];
      const fault = wrong.length === 0 ? await pageFault(web, path) : undefined;
      problems.push(...wrong);
      // A page may still be put there: without it errors are answered all the same.
      if (fault !== undefined) {
        const message = `${path} ${fault}: errors are answered without it`;
        problems.push({ key: `${key}.path`, message, warning: true });
      }
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};

/** Statuses that two entries of one list are for. */
function* statusesTwice(scope: RouteScope): Generator<Problem> {
  const seen = new Set<number>();
  for (const [index, { statuses }] of statusPagesOf(scope).entries()) {
    for (const status of statuses) {
      if (seen.has(status)) {
        yield {
          key: `${scope.key}.error_pages[${index}].status`,
          message: `${status} has a page already; each status has at most one`,
        };
      }
      seen.add(status);
    }
  }
}

/** Why there would be no page to send, as `pageFault` of `error_page.ts` says it. */
export async function pageFault(web: PageConfig, path: string): Promise<string | undefined> {
  return (await import("./error_page.ts")).pageFault(web, path);
}
