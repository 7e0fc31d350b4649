/**
 * The series of a process, as the keeper has them: it adds up what all threads have counted. What a lost
 * thread has counted stays.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import type { Role } from "../../gateway/module.ts";
import { SeriesMetrics } from "../../gateway/reports/series_metrics.ts";
import { newMemory, zone, type ZoneRequest } from "../../zones/layout.ts";
import type { ZoneRegistry } from "../../zones/registry.ts";
import {
  series,
  SERIES_ZONE,
  SeriesTotals,
  type SeriesValue,
  SeriesWriter,
} from "../../zones/series.ts";
import { at } from "../reload/compare.ts";
import { SERVICE_ROLES } from "../threads/zone_plan.ts";

/** Roles that count. */
const WRITERS: readonly Role[] = ["edge", ...SERVICE_ROLES];
/** Services that show what is counted. */
const READERS: readonly Role[] = ["control", "telemetry"];

/**
 * The memory in which threads count; none where nothing shows it: what is not looked at is not kept. Whether
 * metrics or the dashboard are on never changes in a running process.
 */
export function seriesZones(config: Config): readonly ZoneRequest<Role>[] {
  const isShown = at(config, ["metrics", "enabled"]) === true ||
    at(config, ["admin", "dashboard"]) === true;
  return isShown ? [zone(series, { name: SERIES_ZONE, roles: WRITERS, readers: READERS })] : [];
}

/** The series of all threads, for the keeper. */
export class ProcessSeries {
  readonly #totals: SeriesTotals;
  /** What lost threads have counted, for services that begin to read later. */
  readonly #past = newMemory(series, undefined, 1);
  readonly #pastWriter = new SeriesWriter(this.#past);
  readonly #log: Pick<Logger, "log">;
  readonly own: SharedArrayBuffer = newMemory(series, undefined, 1);
  readonly metrics: Metrics;

  constructor(log: Pick<Logger, "log">) {
    this.#log = log;
    this.metrics = new SeriesMetrics(new SeriesWriter(this.own), log);
    this.#totals = new SeriesTotals({
      onFault: (what) => log.log("error", "fluxheim::metrics", what),
    });
  }

  /** A copy of what lost threads have counted until now. */
  get past(): SharedArrayBuffer {
    const copy = new SharedArrayBuffer(this.#past.byteLength);
    new Uint8Array(copy).set(new Uint8Array(this.#past));
    return copy;
  }

  /** Every series of the process. */
  read(zones: ZoneRegistry): SeriesValue[] {
    return this.#totals.read(zones.partsOf(SERIES_ZONE));
  }

  /** Thread `index` is lost, and its memory is about to be given up. */
  retire(zones: ZoneRegistry, index: number): void {
    const part = zones.partsOf(SERIES_ZONE).get(index);
    if (part === undefined) return;
    this.#totals.retire(index, part.buffer);
    const lost = new SeriesTotals({
      onFault: (what) => this.#log.log("error", "fluxheim::metrics", what),
    });
    lost.retire(index, part.buffer);
    for (const value of lost.read(new Map())) this.#pastWriter.absorb(value);
  }
}
