/** `[proxy.mirror]` and its like (spec 02 section 9.9). @module */
import { z } from "zod";
import { byteSize, count, headerName, httpUrl, list, secs } from "../../config/schema/values.ts";
import type { Frozen } from "../../config/frozen.ts";

/** Methods that may be mirrored: those without effect. */
const METHODS = ["GET", "HEAD", "OPTIONS", "TRACE"] as const;

/** A mirror block. */
export const mirrorSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Send copies of requests to another service."),
  base_url: httpUrl().optional()
    .describe("Where copies go; the request's path follows it. Required when enabled."),
  sample_per_mille: count({ min: 1, max: 1000 }).default(1000)
    .describe("How many requests of a thousand are copied."),
  methods: list(z.enum(METHODS), { max: 16, unique: "exact" }).default(["GET", "HEAD", "OPTIONS"])
    .describe("Methods that are copied."),
  forward_headers: list(headerName(), { max: 32, unique: "nocase" }).default([])
    .describe("Request headers the copy carries."),
  timeout_secs: secs().default(2).describe("Longest time one copy may take."),
  max_response_bytes: byteSize({ max: 1024 * 1024 }).default(16 * 1024)
    .describe("Largest answer that is read; it is thrown away."),
  max_in_flight: count({ min: 1, max: 1024 }).default(64)
    .describe("Most copies under way at once; more are dropped."),
});

/** A mirror block. */
export type MirrorConfig = Frozen<z.output<typeof mirrorSchema>>;

declare module "../proxy/schema.ts" {
  interface ProxyTables {
    readonly mirror?: MirrorConfig;
  }
}
