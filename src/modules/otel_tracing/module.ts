/**
 * Trace context (spec 06 section C2): each request has a place in a trace, its own or that of the client,
 * which upstreams and the access log learn.
 *
 * @module
 */
import type { Module } from "../../gateway/module.ts";
import { tracingSchema } from "./schema.ts";

export type { TracingConfig } from "./schema.ts";

/** The capability, for the keeper and the command line. */
export const module: Module = {
  name: "otel-tracing",
  schema: [{
    table: "tracing",
    scopes: ["root"],
    schema: tracingSchema,
    merge: "whole",
    reload: "tracing-service-changed",
  }],
  manifest: {},
  edge: async () => (await import("./edge.ts")).edge,
};
