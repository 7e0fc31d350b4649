/**
 * Counters of the connections of one worker's listeners. Looked up once a connection, never for a request.
 *
 * @module
 */
import type { Counter, Metrics } from "../../gateway/reports/metrics.ts";
import type { Accepted } from "../../net/listen/listener.ts";
import type { Rejection } from "../../net/listen/listener_spec.ts";

/** Counts connections by listener. */
export class AcceptCounters {
  readonly #metrics: Metrics;
  readonly #known = new Map<string, Counter>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** A connection has reached its protocol. */
  accepted({ protocol, facts: { listener, tls } }: Accepted): void {
    this.#count("fluxheim_connections_accepted_total", { listener, protocol });
    if (tls === undefined) return;
    const version = tls.version === "" ? "other" : tls.version;
    this.#count("fluxheim_tls_handshakes_total", { listener, version });
  }

  /** A connection was closed before that. */
  rejected(listener: string, reason: Rejection): void {
    this.#count("fluxheim_connections_rejected_total", { listener, reason });
  }

  #count(name: string, labels: Readonly<Record<string, string>>): void {
    const key = `${name} ${Object.values(labels).join(" ")}`;
    let counter = this.#known.get(key);
    if (counter === undefined) {
      counter = this.#metrics.counter(name, labels);
      this.#known.set(key, counter);
    }
    counter.count();
  }
}
