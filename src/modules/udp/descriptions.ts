/** The metrics of datagrams (spec 06 sections B3 and B5). @module */
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import { MODES } from "./schema.ts";
import { modeLabel } from "./table.ts";

/** Datagrams that were received and sent. */
export const DATAGRAMS: MetricSpec = {
  name: "fluxheim_udp_datagrams_total",
  help: "Datagrams from and to clients (downstream) and upstreams, by outcome.",
  type: "counter",
  labels: {
    route: "configured",
    mode: [...MODES.map(modeLabel), "other"],
    direction: ["downstream", "upstream", "other"],
    outcome: ["accepted", "sent", "error", "other"],
  },
};

/** Why a datagram is dropped. */
export const DROP_REASONS = [
  "max_sessions",
  "max_sessions_per_source",
  "oversized_downstream",
  "oversized_upstream",
  "response_rate_limited",
  "other",
] as const;

/** One of these. */
export type DropReason = typeof DROP_REASONS[number];

/** Datagrams that were dropped. */
export const DROPS: MetricSpec = {
  name: "fluxheim_udp_drops_total",
  help: "Datagrams that were dropped here, by reason.",
  type: "counter",
  labels: { route: "configured", reason: DROP_REASONS },
};

/** Sessions there are. */
export const SESSIONS: MetricSpec = {
  name: "fluxheim_udp_active_sessions",
  help: "Sessions of datagrams that are open.",
  type: "gauge",
  labels: { route: "configured" },
};

/** All of them. */
export const METRICS: readonly MetricSpec[] = [DATAGRAMS, DROPS, SESSIONS];
