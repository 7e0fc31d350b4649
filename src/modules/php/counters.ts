/** Counters of PHP, by the names and labels of spec 07 section 21. @module */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter, Gauge, Histogram, Metrics } from "../../gateway/reports/metrics.ts";
import type { PoolEvent } from "../../net/fastcgi/mod.ts";
import { CLASSES, DURATION, METHODS, OUTCOMES } from "./descriptions.ts";
import { outcomeOf } from "./answer/outcome.ts";
import type { RetryReason } from "./fpm/responders.ts";

const METHOD_NAMES: readonly string[] = METHODS;
const OUTCOME_NAMES: readonly string[] = OUTCOMES;
/** Index of every method that is not named. */
const OTHER_METHOD = METHODS.length - 1;
/** Index of every outcome that is not named. */
const OTHER_OUTCOME = OUTCOME_NAMES.indexOf("other");
/** Index of every class that is not named. */
const OTHER_CLASS = CLASSES.length - 1;

/** The counters of one scope. */
export class PhpCounters {
  readonly #metrics: Metrics;
  readonly #vhost: string;
  /** By method, outcome and class, as they are first needed: most of them never are. */
  readonly #requests: Counter[] = [];
  /** By the same. */
  readonly #durations: Histogram[] = [];
  readonly #emitted: Counter;
  readonly #truncated: Counter;

  constructor(metrics: Metrics, vhost: string) {
    this.#metrics = metrics;
    this.#vhost = vhost;
    const errors = (state: string) =>
      metrics.counter("fluxheim_php_stderr_events_total", { vhost, state });
    this.#emitted = errors("emitted");
    this.#truncated = errors("truncated");
  }

  /** An exchange that PHP has seen is over. */
  countRequest(exchange: Exchange): void {
    const outcome = outcomeOf(exchange);
    if (outcome === "") return;
    const named = METHOD_NAMES.indexOf(exchange.method);
    const method = named < 0 ? OTHER_METHOD : named;
    const known = OUTCOME_NAMES.indexOf(outcome);
    const word = known < 0 ? OTHER_OUTCOME : known;
    const status = outcome === "declined" ? 0 : Math.floor(exchange.status / 100);
    const statusClass = Math.min(status, OTHER_CLASS);
    const at = (method * OUTCOMES.length + word) * CLASSES.length + statusClass;
    const labels = () => ({
      vhost: this.#vhost,
      method: METHODS[method],
      outcome: OUTCOMES[word],
      status_class: CLASSES[statusClass],
    });
    this.#requests[at] ??= this.#metrics.counter("fluxheim_php_requests_total", labels());
    this.#requests[at].count();
    const { upstreamUs } = exchange.findings;
    // Only where php-fpm itself was asked, and times are taken.
    if (upstreamUs < 0 || outcome === "declined") return;
    this.#durations[at] ??= this.#metrics.histogram(DURATION.name, labels(), DURATION.buckets);
    this.#durations[at].observe(upstreamUs);
  }

  /** An answer has written to standard error. */
  countErrors(isTruncated: boolean): void {
    (isTruncated ? this.#truncated : this.#emitted).count();
  }
}

/** How retries of a vhost are counted. */
export function retryCounter(metrics: Metrics, vhost: string): (reason: RetryReason) => void {
  const counter = (reason: RetryReason) =>
    metrics.counter("fluxheim_php_fpm_retries_total", { vhost, reason });
  const counters = {
    connect_timeout: counter("connect_timeout"),
    connection_error: counter("connection_error"),
    other: counter("other"),
  };
  return (reason) => counters[reason].count();
}

/** Counts events of a pool of connections, and shows how many of this worker are idle. */
export class PoolMeter {
  readonly #events: Readonly<Record<PoolEvent, Counter>>;
  readonly #level: Gauge;
  #idle = 0;

  constructor(metrics: Metrics, vhost: string, pool: string) {
    const counter = (event: PoolEvent) =>
      metrics.counter("fluxheim_php_fpm_pool_events_total", { vhost, pool, event });
    this.#events = {
      connect: counter("connect"),
      reuse: counter("reuse"),
      return: counter("return"),
      drop_stale: counter("drop_stale"),
      discard_full: counter("discard_full"),
    };
    this.#level = metrics.gauge("fluxheim_php_fpm_pool_idle_connections", { vhost, pool });
  }

  /** An event after which `idle` connections are idle. */
  count(event: PoolEvent, idle: number): void {
    this.#events[event].count();
    this.#show(idle);
  }

  /** The pool is closed. Another one of its name may be there already. */
  close(): void {
    this.#show(0);
  }

  #show(idle: number): void {
    if (idle !== this.#idle) this.#level.add(idle - this.#idle);
    this.#idle = idle;
  }
}
