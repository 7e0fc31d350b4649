/** The `[tracing]` table (spec 06 section C1). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { count, enumWord } from "../../config/schema/values.ts";

const sampling = z.strictObject({
  mode: enumWord(["all", "ratio", "parent"]).default("all")
    .describe(
      "Which requests have an exported span. `all`: every one. `ratio`: a part of the traces. `parent`: those " +
        "that a trusted peer has sampled, and of the others a part.",
    ),
  ratio_per_mille: count({ max: 1000 }).default(1000).describe("The part, of a thousand."),
});

/** `[tracing]`. */
export const tracingSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Take part in traces: read `traceparent`, and pass it on to upstreams."),
  mode: enumWord(["propagate_only", "off"]).default("propagate_only")
    .describe("`off` is for tables that are kept for later."),
  traceparent: z.boolean().default(true).describe("Must be true while traces are passed on."),
  log_trace_id: z.boolean().default(true).describe("Add `trace_id` to the access record."),
  sampling: sampling.prefault({}).describe("Which requests have an exported span. Ours."),
}).superRefine((table, context) => {
  if (table.enabled && table.mode === "off") {
    refuseKey(context, {
      key: "mode",
      input: table.mode,
      message: 'must not be "off" when tracing.enabled is true',
      about: ["enabled"],
    });
  }
  if (!table.traceparent && table.mode === "propagate_only") {
    refuseKey(context, {
      key: "traceparent",
      input: table.traceparent,
      message: 'must be true while tracing.mode is "propagate_only"',
      about: ["mode"],
    });
  }
});

/** Tables that other modules add to `[tracing]`. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface TracingTables {}

/** A checked `[tracing]` table. */
export type TracingConfig = Frozen<z.output<typeof tracingSchema>> & TracingTables;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly tracing?: TracingConfig;
  }
}
