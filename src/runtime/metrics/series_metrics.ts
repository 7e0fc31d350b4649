/**
 * Counters of the gateway over shared memory: each thread counts in a memory of its own, and the keeper adds
 * them up. What a lost thread has counted stays.
 *
 * @module
 */
import type { Logger } from "../../gateway/log.ts";
import type { Counter, Metrics } from "../../gateway/metrics.ts";
import type { Role } from "../../gateway/module.ts";
import { zone, type ZoneRequest } from "../../zones/layout.ts";
import type { ZoneRegistry } from "../../zones/registry.ts";
import {
  type Labels,
  series,
  SeriesTotals,
  type SeriesValue,
  type SeriesWriter,
} from "../../zones/series.ts";
import type { Zones } from "../../zones/zones.ts";

const SERIES_ZONE = "runtime/series";

/** Counts what has no series of its own, because there are too many or its labels are too long. */
const OVERFLOW = "fluxheim_metrics_overflow_total";

/** The memory in which each thread counts. */
export const seriesZones: readonly ZoneRequest<Role>[] = [
  zone(series, { name: SERIES_ZONE, roles: ["edge"] }),
];

/** Counters of one thread. */
export class SeriesMetrics implements Metrics {
  readonly #series: SeriesWriter;
  readonly #log: Logger;
  readonly #overflow: Counter;
  #overflows = false;

  constructor(series: SeriesWriter, log: Logger) {
    this.#series = series;
    this.#log = log;
    // The first of all, so that there is room for it.
    this.#overflow = series.cell(OVERFLOW, {}) ?? { count() {} };
  }

  counter(name: string, labels: Labels): Counter {
    return this.#series.cell(name, labels) ?? this.#overflowing(name);
  }

  /** One counter for all series that find no room; the first one is logged. */
  #overflowing(name: string): Counter {
    if (!this.#overflows) {
      this.#overflows = true;
      const what = `a series of ${name} finds no room, as will later ones: they are counted as one`;
      this.#log.log("warn", "fluxheim::metrics", what);
    }
    return this.#overflow;
  }
}

/** The counters of `zones`, for a thread. */
export function openMetrics(zones: Zones, log: Logger): Metrics {
  return new SeriesMetrics(zones.open(series, SERIES_ZONE), log);
}

/** The counters of all threads, for the keeper. */
export class ProcessSeries {
  readonly #totals: SeriesTotals;

  constructor(log: Logger) {
    this.#totals = new SeriesTotals((what) => log.log("error", "fluxheim::metrics", what));
  }

  /** Every series of the process. */
  read(zones: ZoneRegistry): SeriesValue[] {
    return this.#totals.read(zones.partsOf(SERIES_ZONE));
  }

  /** Thread `index` is lost, and its memory is about to be given up. */
  retire(zones: ZoneRegistry, index: number): void {
    const part = zones.partsOf(SERIES_ZONE).get(index);
    if (part !== undefined) this.#totals.retire(index, part.buffer);
  }
}
