/**
 * Compression of answers (spec 02 section 12): gzip, Zstandard and Brotli, whichever codecs the build
 * has, for clients that ask for them. Static files are compressed as proxied answers are; what is in
 * a cache stays as it came.
 *
 * In a profile this module stands after the header policy and everything else that has a `response`
 * step: it looks at the fields that are really sent, and nothing may change them afterwards.
 *
 * @module
 */
import { SCOPE_LABELS } from "../../gateway/reports/own_metrics.ts";
import type { Module } from "../../gateway/module.ts";
import { compressionSchema } from "./schema.ts";

export type { CompressionConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "compression",
  schema: [{
    table: "compression",
    scopes: ["root", "vhost", "route"],
    schema: compressionSchema,
    reload: "live",
  }],
  manifest: {},
  metrics: [{
    name: "fluxheim_response_compressions_total",
    help: "Answers that the gateway compressed.",
    type: "counter",
    labels: { ...SCOPE_LABELS, encoding: ["gzip", "zstd", "br", "other"] },
  }],
  edge: async () => (await import("./edge.ts")).edge,
};
