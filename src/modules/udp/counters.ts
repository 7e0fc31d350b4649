/** The series of one UDP route. @module */
import type { Counter, Gauge, Metrics } from "../../gateway/reports/metrics.ts";
import { DATAGRAMS, DROP_REASONS, type DropReason, DROPS, SESSIONS } from "./descriptions.ts";
import type { UdpRouteConfig } from "./schema.ts";
import { modeLabel } from "./table.ts";

/** Counters of one direction. */
export interface Direction {
  readonly accepted: Counter;
  readonly sent: Counter;
  readonly error: Counter;
}

/** What is counted of one route. */
export interface UdpCounters {
  /** Datagrams from and to clients. */
  readonly downstream: Direction;
  /** Datagrams from and to upstreams. */
  readonly upstream: Direction;
  readonly drops: ReadonlyMap<DropReason, Counter>;
  readonly sessions: Gauge;
}

/** Opens the series of a route. */
export function countersOf({ name, mode }: UdpRouteConfig, metrics: Metrics): UdpCounters {
  const direction = (direction: string): Direction => {
    const counter = (outcome: string) =>
      metrics.counter(DATAGRAMS.name, { route: name, mode: modeLabel(mode), direction, outcome });
    return { accepted: counter("accepted"), sent: counter("sent"), error: counter("error") };
  };
  return {
    downstream: direction("downstream"),
    upstream: direction("upstream"),
    drops: new Map(
      DROP_REASONS.map((reason) => [reason, metrics.counter(DROPS.name, { route: name, reason })]),
    ),
    sessions: metrics.gauge(SESSIONS.name, { route: name }),
  };
}
