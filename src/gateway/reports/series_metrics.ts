/**
 * Metrics over shared memory: each thread counts in a memory of its own, and readers add them up.
 *
 * @module
 */
import { type Labels, series, SERIES_ZONE, type SeriesWriter } from "../../zones/series.ts";
import type { Zones } from "../../zones/zones.ts";
import type { Logger } from "./log.ts";
import type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";
import { NO_METRICS } from "./metrics_none.ts";

/** Counts what has no series of its own, because there are too many or its labels are too long. */
export const OVERFLOW = "fluxheim_metrics_overflow_total";

/** Metrics of one thread. */
export class SeriesMetrics implements Metrics {
  readonly #series: SeriesWriter;
  readonly #log: Pick<Logger, "log">;
  readonly #overflow: Counter;
  #overflows = false;

  constructor(series: SeriesWriter, log: Pick<Logger, "log">) {
    this.#series = series;
    this.#log = log;
    // The first of all, so that there is room for it.
    this.#overflow = series.cell(OVERFLOW, {}) ?? { count() {}, add() {} };
  }

  counter(name: string, labels: Labels): Counter {
    const found = this.#series.cell(name, labels);
    if (found !== undefined) return found;
    this.#reportOverflow(name);
    return this.#overflow;
  }

  gauge(name: string, labels: Labels): Gauge {
    const found = this.#series.gauge(name, labels);
    if (found !== undefined) return found;
    this.#reportOverflow(name);
    // A level that is not shown is counted once, and not each time that it is set.
    this.#overflow.count();
    return { set() {}, add() {} };
  }

  histogram(name: string, labels: Labels, buckets: readonly number[]): Histogram {
    const found = this.#series.histogram(name, labels, buckets);
    if (found !== undefined) return found;
    this.#reportOverflow(name);
    const overflow = this.#overflow;
    return { observe: () => overflow.count() };
  }

  /** One counter for all series that find no room; the first one is logged. */
  #reportOverflow(name: string): void {
    if (this.#overflows) return;
    this.#overflows = true;
    const what = `a series of ${name} finds no room, as will later ones: they are counted as one`;
    this.#log.log("warn", "fluxheim::metrics", what);
  }
}

/** The metrics of the thread that has `zones`; none where nothing shows what it would count. */
export function openSeriesMetrics(zones: Zones, log: Pick<Logger, "log">): Metrics {
  if (!zones.has(SERIES_ZONE)) return NO_METRICS;
  return new SeriesMetrics(zones.open(series, SERIES_ZONE), log);
}
