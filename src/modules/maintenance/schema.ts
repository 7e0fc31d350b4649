/** The `maintenance` table of vhosts and routes. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { byteLength } from "../../config/read/text.ts";
import { ipMatcher, list, secs, valueKinds } from "../../config/schema/values.ts";

const MAX_NETWORKS = 256;
const MAX_MESSAGE_BYTES = 1024;

/** `[vhosts.maintenance]` and `[vhosts.routes.maintenance]`. */
export const maintenanceSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe(
      "Answer 503 to every client that is not in `allow`. A page for it is that of `error_pages`.",
    ),
  allow: list(ipMatcher(), { max: MAX_NETWORKS, unique: "exact" }).default([])
    .describe("Client addresses and networks that are served as ever."),
  retry_after_secs: secs().optional()
    .describe("`Retry-After`: when a client may ask again. Unset: not sent."),
  message: z.string().refine(
    (text) => text.trim() !== "" && byteLength(text) <= MAX_MESSAGE_BYTES,
    { error: `must be a text of 1 to ${MAX_MESSAGE_BYTES} bytes` },
  ).register(valueKinds, { type: "text", allowed: "1 to 1024 bytes" })
    .default("down for maintenance").describe("Text of the answer for clients that take no HTML."),
});

/** A checked `maintenance` table. */
export type MaintenanceConfig = Frozen<z.output<typeof maintenanceSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly maintenance?: MaintenanceConfig;
  }
  interface RouteTables {
    readonly maintenance?: MaintenanceConfig;
  }
}
