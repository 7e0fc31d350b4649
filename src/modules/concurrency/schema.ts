/** The `concurrency` table of vhosts and routes (spec 02 section 11.3). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { status } from "../../config/schema/values.ts";
import { protections } from "../../config/schema/remarks.ts";
import {
  type Bounds,
  checkWhenEnabled,
  countWhenEnabled,
} from "../../config/schema/when_enabled.ts";
import { MAX_QUEUE } from "./bounds.ts";

const bounds = {
  max_in_flight: { min: 1, max: 1_000_000 },
  max_queue: { min: 0, max: MAX_QUEUE },
  queue_timeout_ms: { min: 0, max: 60_000 },
} satisfies Record<string, Bounds>;

/** `[vhosts.concurrency]` and `[vhosts.routes.concurrency]`. */
export const concurrencySchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Limit how many requests are served at a time. While off, nothing else is checked."),
  max_in_flight: countWhenEnabled(bounds.max_in_flight).optional()
    .describe("Requests and tunnels at a time, in the whole process. Required when enabled."),
  max_queue: countWhenEnabled(bounds.max_queue).default(0)
    .describe("Requests that may wait, first in first out; 0: four times `max_in_flight`."),
  queue_timeout_ms: countWhenEnabled(bounds.queue_timeout_ms).default(0)
    .describe("Longest wait; 0: no request waits, the queue is not used."),
  status: status().default(503).describe("Status of a refusal."),
}).superRefine(checkWhenEnabled(bounds)).superRefine((table, context) => {
  if (!table.enabled || table.max_in_flight !== undefined) return;
  const message = "must be given when concurrency.enabled is true";
  refuseKey(context, { key: "max_in_flight", message, about: ["enabled"] });
}).register(protections, { undone: "limited" });

/** A checked `concurrency` table. */
export type ConcurrencyConfig = Frozen<z.output<typeof concurrencySchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly concurrency?: ConcurrencyConfig;
  }
  interface RouteTables {
    readonly concurrency?: ConcurrencyConfig;
  }
}
