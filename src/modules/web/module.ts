/**
 * Static files: `[web]`, `[vhosts.web]`, `[vhosts.routes.web]` (spec 02 section 7).
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Grant, Module } from "../../gateway/module.ts";
import { checkListing, checkRoot, rootGrants } from "./preflight.ts";
import { type PageConfig, webTables } from "./schema.ts";
import { tablesWithRoot } from "./table.ts";

export { checkRoot, rootGrants } from "./preflight.ts";
export { type PageConfig, pageSchema, type WebConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "web",
  schema: webTables,
  manifest: { read: true },

  needs(config) {
    const read: Grant[] = [];
    for (const { web, key } of tablesWithRoot(config)) read.push(...rootGrants(web, `${key}.root`));
    return { grants: { read } };
  },

  async preflight(config) {
    const problems: Problem[] = [];
    for (const { web, key } of tablesWithRoot(config)) {
      const wrong = await checkRoot(web, `${key}.root`);
      if (wrong.length === 0) wrong.push(...await checkListing(web, `${key}.root`));
      problems.push(...wrong);
    }
    return problems;
  },

  edge: async () => (await import("./edge.ts")).edge,
};

/** Why there would be no page to send, as `pageFault` of `error_page.ts` says it. */
export async function pageFault(web: PageConfig, path: string): Promise<string | undefined> {
  return (await import("./error_page.ts")).pageFault(web, path);
}
