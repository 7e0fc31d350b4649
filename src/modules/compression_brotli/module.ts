/** The Brotli codec (RFC 7932). @module */
import type { Module } from "../../gateway/module.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "compression-brotli",
  schema: [],
  manifest: {},
  edge: async () => (await import("./edge.ts")).edge,
};
