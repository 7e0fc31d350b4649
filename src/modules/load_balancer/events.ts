/** Counters of a pool: `fluxheim_load_balancer_events_total` (spec 03 section 19). @module */
import type { Counter, Metrics } from "../../gateway/metrics.ts";
import type { RouteScope } from "../../gateway/module.ts";

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

  constructor(metrics: Metrics, { vhost, route }: RouteScope) {
    this.#metrics = metrics;
    this.#labels = {
      scope: route === undefined ? "vhost" : "route",
      vhost: vhost.name,
      route: route?.name ?? "",
    };
  }

  /** @param alias The name of the member, or `""`; never an address. */
  count(event: MemberEvent | PoolEvent, alias = ""): void {
    let events = this.#counters.get(alias);
    if (events === undefined) this.#counters.set(alias, events = new Map());
    let counter = events.get(event);
    if (counter === undefined) {
      counter = this.#metrics.counter("fluxheim_load_balancer_events_total", {
        ...this.#labels,
        upstream: alias,
        event,
      });
      events.set(event, counter);
    }
    counter.count();
  }
}
