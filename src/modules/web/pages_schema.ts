/** `[[vhosts.error_pages]]` and `[[vhosts.routes.error_pages]]`. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { list, pathValue, status } from "../../config/schema/values.ts";
import { pageSchema } from "./schema.ts";

/** Most pages of one scope, and statuses of one page. */
const MAX_PAGES = 64;

/** Pages for answers of the gateway's own, whatever the route does. */
export const statusPagesSchema = z.array(z.strictObject({
  status: z.union([
    status({ min: 400, max: 599 }),
    list(status({ min: 400, max: 599 }), { min: 1, max: MAX_PAGES, unique: "exact" }),
  ]).describe("Status, or statuses, the page is for; it is kept."),
  path: pathValue().describe("The page below the root."),
  web: pageSchema.optional()
    .describe("Where the page is, as `[web]`. Unset: the root of the scope's own `web` table."),
})).max(MAX_PAGES).default([]).describe(
  "Pages in place of answers that the gateway makes itself, whatever the route does. Those of a route go " +
    "before those of its vhost. Answers of an upstream pass as they are.",
);

/** The pages of one scope, checked. */
export type StatusPages = Frozen<z.output<typeof statusPagesSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly error_pages?: StatusPages;
  }
  interface RouteTables {
    readonly error_pages?: StatusPages;
  }
}
