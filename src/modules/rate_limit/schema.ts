/** The `rate_limit` table of vhosts and routes (spec 02 section 11.2). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { isToken } from "../../http/chars.ts";
import { enumWord, label, status, valueKinds } from "../../config/schema/values.ts";
import { protections } from "../../config/schema/remarks.ts";
import {
  type Bounds,
  checkWhenEnabled,
  countWhenEnabled,
} from "../../config/schema/when_enabled.ts";

const bounds = {
  requests_per_second: { min: 1, max: 1_000_000 },
  burst: { min: 0, max: 1_000_000 },
  max_delay_ms: { min: 0, max: 60_000 },
  table_max_entries: { min: 1, max: 1_000_000 },
  entry_ttl_secs: { min: 1, max: 86_400 },
} satisfies Record<string, Bounds>;

function limitKey() {
  const allowed = '"address", "certificate", "country", "header:" or "cookie:" and a name';
  return z.string().refine((text) => {
    if (PLAIN_KEYS.includes(text)) return true;
    const name = /^(?:header|cookie):(.+)$/.exec(text)?.[1];
    return name !== undefined && isToken(name) && name.length <= MAX_KEY_NAME;
  }, { error: `must be ${allowed}` }).register(valueKinds, { type: "key of buckets", allowed });
}

const PLAIN_KEYS: readonly string[] = ["address", "certificate", "country"];
const MAX_KEY_NAME = 128;

/** `[vhosts.rate_limit]` and `[vhosts.routes.rate_limit]`. */
export const rateLimitSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Limit how often one client address may ask. While off, nothing else is checked."),
  requests_per_second: countWhenEnabled(bounds.requests_per_second).optional()
    .describe("Tokens that come back each second, for each client address. Required when enabled."),
  burst: countWhenEnabled(bounds.burst).default(0)
    .describe("Most tokens an address can have, and what it starts with; 0: as many as the rate."),
  status: status().default(429).describe("Status of a refusal."),
  mode: enumWord(["nodelay", "delay"]).default("nodelay")
    .describe("What happens without a token: `nodelay` refuses, `delay` waits for it."),
  max_delay_ms: countWhenEnabled(bounds.max_delay_ms).default(1000)
    .describe("Longest wait in `delay` mode; who would have to wait longer is refused."),
  table_max_entries: countWhenEnabled(bounds.table_max_entries).default(65_536)
    .describe("Most addresses kept. A new one that finds no room is refused."),
  entry_ttl_secs: countWhenEnabled(bounds.entry_ttl_secs).default(300)
    .describe("How long a silent address keeps its place in a full table."),
  key: limitKey().default("address").describe(
    'What has a bucket: `"address"`, `"header:x-api-key"`, `"cookie:session"`, `"certificate"` or ' +
      '`"country"`. A request that has none of it counts by its address. Ours.',
  ),
  shared: label().optional().describe(
    "Limits of this name have their buckets together, and the same settings. Ours.",
  ),
  reject_indeterminate: z.boolean().default(false)
    .describe("Refuse clients whose address is unknown; otherwise they share one bucket."),
}).superRefine(checkWhenEnabled(bounds)).superRefine((table, context) => {
  if (!table.enabled) return;
  if (table.requests_per_second === undefined) {
    const message = "must be given when rate_limit.enabled is true";
    refuseKey(context, { key: "requests_per_second", message, about: ["enabled"] });
  }
  if (table.mode === "delay" && table.max_delay_ms === 0) {
    const message = 'must be from 1 to 60000 with mode = "delay"';
    refuseKey(context, { key: "max_delay_ms", input: 0, message, about: ["mode"] });
  }
}).register(protections, { undone: "limited" });

/** A checked `rate_limit` table. */
export type RateLimitConfig = Frozen<z.output<typeof rateLimitSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly rate_limit?: RateLimitConfig;
  }
  interface RouteTables {
    readonly rate_limit?: RateLimitConfig;
  }
}
