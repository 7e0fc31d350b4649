/** `[[proxy.error_pages]]` (spec 02 section 7.6). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { pathValue, status } from "../../config/schema/values.ts";
import { pageSchema } from "../web/module.ts";

/** Most pages of one proxy block. */
const MAX_PAGES = 64;

/** The pages of one proxy block. */
export const errorPagesSchema = z.array(z.strictObject({
  status: status({ min: 400, max: 599 }).describe("Status the page is for; it is kept."),
  path: pathValue().describe("The page below `web.root`."),
  web: pageSchema.describe("Where the page is; as `[web]`, and nothing is cached."),
})).max(MAX_PAGES).default([]).describe("Pages in place of failures of the upstream.");

/** The pages of one proxy block, checked. */
export type ErrorPages = Frozen<z.output<typeof errorPagesSchema>>;

declare module "../proxy/schema.ts" {
  interface ProxyTables {
    readonly error_pages?: ErrorPages;
  }
}
