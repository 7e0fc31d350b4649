/**
 * The keys that pools add to a proxy block: who the members are (spec 03 section 2), and `load_balance` (section
 * 3), whose schema builds without pools check as well.
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { loadBalanceSchema, streamBalanceSchema } from "../../config/schema/load_balance_schema.ts";
import {
  alias,
  authority,
  count,
  filePath,
  list,
  listener,
  secs,
  valueKinds,
} from "../../config/schema/values.ts";
import { MAX_UPSTREAMS } from "../proxy/module.ts";

const MAX_REFRESH_SECS = 300;
const MAX_URL = 2048;

/** `http` is for sources on this machine only: members are not to be named by anyone on the way. */
function sourceUrl() {
  const allowed =
    "an https:// URL with a path and without user, query or fragment, or an http:// " +
    "one of 127.0.0.1 or [::1]";
  return z.string().refine((text) => isSourceUrl(text), { error: `must be ${allowed}` })
    .register(valueKinds, { type: "URL", allowed });
}

function isSourceUrl(text: string): boolean {
  const match = /^(https?):\/\/([^/\s@?#]+)(\/[^\s@?#]*)$/.exec(text);
  if (match === null || text.length - match[1].length - 3 > MAX_URL) return false;
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\x00-\x1f\x7f]/.test(text) || !URL.canParse(text)) return false;
  return match[1] === "https" || /^(?:127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(match[2]);
}

function members(description: string) {
  return list(authority(), { max: MAX_UPSTREAMS, unique: "nocase" }).default([])
    .describe(description);
}

/** Keys of a proxy block, each a table of its own as the assembly of schemas has it. */
export const poolKeys = {
  upstreams_file: filePath({ trustedParent: true }).optional()
    .describe("File with the members of the pool, one a line, read again while it serves."),
  upstreams_file_refresh_secs: secs({ max: MAX_REFRESH_SECS }).default(5)
    .describe("Time between two readings of that file."),
  upstreams_http_url: sourceUrl().optional()
    .describe("Where the members of the pool are asked for, as JSON."),
  upstreams_http_refresh_secs: secs({ max: MAX_REFRESH_SECS }).default(5)
    .describe("Time between two such questions."),
  upstreams_http_bearer_token_file: filePath({ trustedParent: true }).optional()
    .describe("File with the bearer token for them, read for each."),
  upstreams_http_allow_private_backends: z.boolean().default(false)
    .describe("Take members at private addresses from there, too."),
  upstream_dns_refresh_secs: secs({ max: MAX_REFRESH_SECS }).optional()
    .describe("Resolve the names in `upstreams` into members, and again after this time."),
  upstream_dns_allow_private_backends: z.boolean().default(false)
    .describe("Take members at private addresses from DNS, too."),
  upstream_dns_servers: list(listener(), { max: 4, unique: "exact" }).default([])
    .describe(
      "DNS servers to ask, with the lifetimes of their answers; the system's resolver unless set.",
    ),
  upstream_weights: list(count({ min: 1, max: 1000 }), { max: MAX_UPSTREAMS }).default([])
    .describe("Weights, one for each of `upstreams`; all 1 unless set."),
  upstream_priority_groups: list(count({ max: 1000 }), { max: MAX_UPSTREAMS }).default([])
    .describe("Priorities, one for each of `upstreams`; the highest is preferred."),
  upstream_priority_group_min_active: count({ min: 1, max: MAX_UPSTREAMS }).default(1)
    .describe("Fewest members at or above a priority for it to be used alone."),
  upstream_localities: list(alias().toLowerCase(), { max: MAX_UPSTREAMS }).default([])
    .describe("Names of places, one for each of `upstreams`."),
  preferred_upstream_localities: list(alias().toLowerCase(), {
    max: MAX_UPSTREAMS,
    unique: "nocase",
  })
    .default([]).describe("Places whose members are asked first."),
  upstream_max_in_flight: list(count({ min: 1, max: 1_000_000 }), { max: MAX_UPSTREAMS }).default(
    [],
  )
    .describe("Most concurrent requests, one for each of `upstreams`."),
  upstream_aliases: list(alias(), { max: MAX_UPSTREAMS, unique: "nocase" }).default([])
    .describe("Names for logs, metrics and operations, one for each of `upstreams`."),
  upstream_tags: list(list(alias(), { max: 16, unique: "nocase" }), { max: MAX_UPSTREAMS }).default(
    [],
  )
    .describe("Tags for the status, a list for each of `upstreams`."),
  backup_upstreams: members("Members that are used only when no other qualifies."),
  drain_upstreams: members("Members that take no new requests and are still probed."),
  disabled_upstreams: members("Members that are switched off."),
} as const;

/** Names of {@linkcode poolKeys}. */
export type PoolKey = keyof typeof poolKeys;

/** `proxy.load_balance`; there in every proxy block of a build with pools. */
export const loadBalanceTable = loadBalanceSchema.prefault({});

/** `stream.routes.load_balance`: what of it does not need requests. */
export const streamBalanceTable = streamBalanceSchema.optional();

/** `stream.routes.load_balance`. */
export type StreamBalanceConfig = Frozen<z.output<typeof streamBalanceSchema>>;

/** `proxy.load_balance`. */
export type LoadBalanceConfig = Frozen<z.output<typeof loadBalanceSchema>>;
/** `proxy.load_balance.health_check`. */
export type HealthCheckConfig = LoadBalanceConfig["health_check"];
/** `proxy.load_balance.persistence`. */
export type PersistenceConfig = LoadBalanceConfig["persistence"];

/** What they come to. */
export type PoolKeys = { readonly [Key in PoolKey]: Frozen<z.output<(typeof poolKeys)[Key]>> };

declare module "../proxy/schema.ts" {
  interface ProxyTables extends Partial<PoolKeys> {
    readonly load_balance?: LoadBalanceConfig;
  }
}
