/**
 * How long a cache takes over a request: the look-up, until it is decided whether the upstream is asked, and the
 * wait for the fill of another request (spec 04 section 16, spec 06 sections B4 and C3).
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Histogram, Metrics } from "../../gateway/reports/metrics.ts";
import { Slot } from "../../gateway/exchange/slot.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import { OPERATION_DURATION } from "./descriptions.ts";

const BEGUN_AT = new Slot(-1);
const DECIDED_AT = new Slot(-1);
const LOCK_WAIT_US = new Slot(-1);

/** A look-up begins. */
export function lookupBegins(exchange: Exchange): void {
  if (exchange.startedAt !== 0) BEGUN_AT.set(exchange, microsecondsSince(exchange));
}

/** What is stored answers; where an upstream was asked before, that ended the look-up. */
export function lookupEnds(exchange: Exchange): void {
  if (BEGUN_AT.of(exchange) < 0 || exchange.findings.upstreamAt >= 0) return;
  DECIDED_AT.set(exchange, microsecondsSince(exchange));
}

/** Takes the time of a wait for the fill of another request. */
export async function timedWait<T>(
  exchange: Exchange | undefined,
  wait: () => Promise<T>,
): Promise<T> {
  if (exchange === undefined || BEGUN_AT.of(exchange) < 0) return await wait();
  const begun = microsecondsSince(exchange);
  try {
    return await wait();
  } finally {
    const us = microsecondsSince(exchange) - begun;
    LOCK_WAIT_US.set(exchange, Math.max(0, LOCK_WAIT_US.of(exchange)) + us);
  }
}

/** How long requests waited, in microseconds; `undefined` for one that did not. */
export function lockWaitOf(exchange: Exchange): number | undefined {
  const us = LOCK_WAIT_US.of(exchange);
  return us < 0 ? undefined : us;
}

/** When the look-up began within the exchange, and how long it took, in microseconds. */
export function lookupPartOf(exchange: Exchange): readonly [at: number, us: number] | undefined {
  const us = lookupOf(exchange);
  return us === undefined ? undefined : [BEGUN_AT.of(exchange), us];
}

/** How long the look-up took, in microseconds, without waiting; `undefined` where there was none. */
export function lookupOf(exchange: Exchange): number | undefined {
  const begun = BEGUN_AT.of(exchange);
  const decided = DECIDED_AT.of(exchange);
  const end = decided < 0 ? exchange.findings.upstreamAt : decided;
  if (begun < 0 || end < begun) return undefined;
  return Math.max(0, end - begun - Math.max(0, LOCK_WAIT_US.of(exchange)));
}

/** The histograms of one cache. */
export class CacheTimes {
  readonly #metrics: Metrics;
  readonly #labels: Readonly<Record<string, string>>;
  /** By phase, as they are first needed. */
  readonly #lookups = new Map<string, Histogram>();
  readonly #waits = new Map<string, Histogram>();

  constructor(metrics: Metrics, labels: Readonly<Record<string, string>>) {
    this.#metrics = metrics;
    this.#labels = labels;
  }

  /** An exchange is over. */
  observe(exchange: Exchange): void {
    const lookup = lookupOf(exchange);
    if (lookup === undefined) return;
    const phase = exchange.findings.cachePhase || "key";
    this.#of(this.#lookups, phase, "lookup").observe(lookup);
    const wait = lockWaitOf(exchange);
    if (wait !== undefined) this.#of(this.#waits, phase, "lock_wait").observe(wait);
  }

  #of(known: Map<string, Histogram>, phase: string, operation: string): Histogram {
    let histogram = known.get(phase);
    if (histogram === undefined) {
      const labels = { ...this.#labels, phase, operation };
      const { name, buckets } = OPERATION_DURATION;
      known.set(phase, histogram = this.#metrics.histogram(name, labels, buckets));
    }
    return histogram;
  }
}
