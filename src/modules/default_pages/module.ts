/**
 * Small HTML pages for refusals and failures of the gateway's own, where the client accepts HTML and no
 * `error_pages` has one of the operator's.
 *
 * @module
 */
import type { Module } from "../../gateway/module.ts";
import { defaultPagesSchema } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "default-pages",
  schema: [{
    table: "server.default_pages",
    scopes: ["root"],
    schema: defaultPagesSchema,
    reload: "live",
  }],
  manifest: {},
  edge: async () => (await import("./edge.ts")).edge,
};
