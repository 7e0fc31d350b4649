/**
 * Fixed answers: a route with `respond` answers every request with the status, text and fields of its table.
 *
 * @module
 */
import type { Module } from "../../gateway/module.ts";
import { respondSchema } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "respond",
  schema: [{ table: "respond", scopes: ["route"], schema: respondSchema, reload: "live" }],
  manifest: {},
  edge: async () => (await import("./edge.ts")).edge,
};
