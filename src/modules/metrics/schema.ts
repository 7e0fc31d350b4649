/** The `[metrics]` table (spec 06 section B1). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { listener } from "../../config/schema/values.ts";
import { isLoopbackListener } from "./loopback.ts";

/** `[metrics]`. */
export const metricsSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Count, and serve what is counted."),
  listen: listener().default("127.0.0.1:9091")
    .describe("Where Prometheus finds `/metrics`, in clear text and without authentication."),
  require_loopback: z.boolean().default(true)
    .describe("Refuse an address that other machines can reach."),
  route_histograms: z.boolean().default(false)
    .describe("Durations by route and not by vhost alone. Ours."),
}).superRefine(({ enabled, listen, require_loopback }, context) => {
  if (!enabled || !require_loopback || isLoopbackListener(listen)) return;
  refuseKey(context, {
    key: "listen",
    input: listen,
    message: "must be a loopback address while metrics.require_loopback is true",
    about: ["require_loopback"],
  });
});

/** Tables that other modules add to `[metrics]`. */
// deno-lint-ignore no-empty-interface -- filled by declaration merging
export interface MetricsTables {}

/** A checked `[metrics]` table. */
export type MetricsConfig = Frozen<z.output<typeof metricsSchema>> & MetricsTables;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly metrics?: MetricsConfig;
  }
}
