/** Counters of a pool: `fluxheim_load_balancer_events_total` (spec 03 section 19). @module */
import type { Counter, Histogram, Metrics } from "../../../gateway/reports/metrics.ts";
import type { NamedScope } from "../../../gateway/edge_policy.ts";
import { EVENTS, QUEUE_WAIT } from "../descriptions.ts";

/** Events of a request, which a member's name may go with. */
export type MemberEvent = "selected" | "retry" | "success" | "failure" | "ejected";

/** Events of a pool. */
export type PoolEvent =
  | "unavailable"
  | "queue_waited"
  | "queue_full"
  | "queue_timeout"
  | "persistence_hit"
  | "persistence_miss"
  | "persistence_fallback";

/** The counters of one pool. */
export class PoolEvents {
  readonly #metrics: Metrics;
  readonly #labels: Readonly<Record<string, string>>;
  /** By alias, then by event. There are as many aliases as the configuration has. */
  readonly #counters = new Map<string, Map<string, Counter>>();
  readonly #waits = new Map<string, Histogram>();

  constructor(metrics: Metrics, { vhost, route }: NamedScope) {
    this.#metrics = metrics;
    this.#labels = {
      scope: route === undefined ? "vhost" : "route",
      vhost: vhost.name,
      route: route?.name ?? "",
    };
  }

  /** A request has waited for so many milliseconds. */
  waited(outcome: "waited" | "timeout" | "other", milliseconds: number): void {
    let histogram = this.#waits.get(outcome);
    if (histogram === undefined) {
      const labels = { ...this.#labels, outcome };
      histogram = this.#metrics.histogram(QUEUE_WAIT.name, labels, QUEUE_WAIT.buckets);
      this.#waits.set(outcome, histogram);
    }
    histogram.observe(Math.round(milliseconds * 1000));
  }

  /** @param alias The name of the member, or `""`; never an address. */
  count(event: MemberEvent | PoolEvent, alias = ""): void {
    let events = this.#counters.get(alias);
    if (events === undefined) this.#counters.set(alias, events = new Map());
    let counter = events.get(event);
    if (counter === undefined) {
      counter = this.#metrics.counter(EVENTS.name, {
        ...this.#labels,
        upstream: alias,
        event,
      });
      events.set(event, counter);
    }
    counter.count();
  }
}
