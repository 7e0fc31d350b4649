/** The `[udp]` table (spec 01 section 11). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import {
  alias,
  authority,
  count,
  enumWord,
  ipMatcher,
  label,
  list,
  listener,
  secs,
} from "../../config/schema/values.ts";

/** Most routes. */
const MAX_ROUTES = 64;
/** Most listeners, and most upstreams, of one route. */
const MAX_ENDPOINTS = 64;
const MAX_WEIGHT = 1000;
/** Most entries of `client_ranges`: each is a permission. */
const MAX_RANGES = 256;
/** Most that a bound of sessions or responses may be. */
const MAX_COUNT = 1_000_000;
/** Largest content of a datagram over IPv4. */
export const MAX_DATAGRAM_BYTES = 65_507;

/** What a route passes on. */
export const MODES = [
  "dns-load-balance",
  "syslog-forward",
  "quic-pass-through",
  "game-proxy",
] as const;

const route = z.strictObject({
  name: label().describe("For metrics and the log; unique, whatever the case of its letters."),
  mode: enumWord(MODES).default("dns-load-balance")
    .describe(
      "`dns-load-balance`: one answer for each question; `syslog-forward`: one way; `quic-pass-through`: by " +
        "connection id, so that a client may change its address; `game-proxy`: whatever is sent, in sessions.",
    ),
  listen: list(listener(), { min: 1, max: MAX_ENDPOINTS, unique: "exact" })
    .describe("Where datagrams are received. Each address in one route only, with its port."),
  upstream: authority().optional()
    .describe("Where datagrams go: an IP address and a port. Either this or `upstreams`."),
  upstreams: list(authority(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([])
    .describe("The same for several, which take turns, session by session."),
  upstream_weights: list(count({ min: 1, max: MAX_WEIGHT }), { max: MAX_ENDPOINTS }).default([])
    .describe("Shares of the upstreams, one for each."),
  upstream_aliases: list(alias(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([])
    .describe("Names of the upstreams for the log and the status, one for each."),
  client_ranges: list(ipMatcher({ canonical: true }), { max: MAX_RANGES, unique: "exact" })
    .default([])
    .describe(
      "Addresses and IPv4 networks of the clients. What comes from elsewhere is dropped, and the service is permitted " +
        "to answer no others. Unless set, this machine alone, and with `syslog-forward`, where nothing is answered, all.",
    ),
  idle_timeout_secs: secs().default(30)
    .describe("A session ends after so long without a datagram in either direction."),
  response_timeout_secs: secs().default(3)
    .describe(
      "Time for an answer; without one the upstream has failed. At most `idle_timeout_secs`.",
    ),
  max_datagram_bytes: count({ min: 1, max: MAX_DATAGRAM_BYTES }).default(4096)
    .describe("Larger datagrams are dropped in both directions, never cut."),
  max_sessions: count({ max: MAX_COUNT }).default(4096)
    .describe("Most sessions at a time; 0 for no bound but the system's."),
  max_sessions_per_source: count({ max: MAX_COUNT }).default(64)
    .describe("Most sessions of one address at a time; 0 for no bound."),
  max_responses_per_source_per_second: count({ max: MAX_COUNT }).default(256)
    .describe(
      "Most datagrams that one address is sent in a second, so that a forged source is not flooded; 0 for no bound.",
    ),
  passive_health_enabled: z.boolean().default(true)
    .describe("Leave upstreams out for a time that do not answer. Not with `syslog-forward`."),
  passive_health_failures: count({ min: 1, max: 1000 }).default(3)
    .describe("Answers missing in a row after which an upstream is left out."),
  passive_health_ejection_secs: secs().default(10).describe("For how long it is left out."),
});

/** `[udp]`. */
export const udpSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Pass datagrams on. Needs `routes`."),
  routes: list(route, { max: MAX_ROUTES }).default([])
    .describe("What is passed on where. None while `enabled` is false."),
});

/** A checked `[udp]` table. */
export type UdpConfig = Frozen<z.output<typeof udpSchema>>;
/** One `[[udp.routes]]`. */
export type UdpRouteConfig = UdpConfig["routes"][number];
/** What a route passes on. */
export type UdpMode = UdpRouteConfig["mode"];

declare module "../../config/types.ts" {
  interface RootTables {
    readonly udp?: UdpConfig;
  }
}
