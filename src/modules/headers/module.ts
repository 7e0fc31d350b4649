/**
 * Header policy: what of a request's fields an upstream sees, and what of an answer's fields a client
 * sees (spec 02 section 6).
 *
 * @module
 */
import type { Module } from "../../gateway/module.ts";
import { checkHeaders } from "./checks.ts";
import { tables } from "./schema.ts";
import { writtenFacts } from "./table.ts";

export type { HeadersConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "headers",
  schema: tables,
  manifest: {},
  check: checkHeaders,
  facts: writtenFacts,
  edge: async () => (await import("./edge.ts")).edge,
};
