/**
 * The series of all threads, for a service that shows them: the metrics listener, an exporter, a dashboard.
 *
 * @module
 */
import {
  type Labels,
  SERIES_ZONE,
  type SeriesKind,
  SeriesTotals,
  type SeriesValue,
  type Shown,
} from "../../zones/series.ts";
import type { MetricSpec } from "./metrics.ts";
import type { ServiceContext } from "../threads/service.ts";

/** One metric, and its series. */
export interface MetricFamily {
  readonly spec: MetricSpec;
  /** In the order in which they were first seen. */
  readonly series: readonly SeriesValue[];
}

/** Most metrics without a description that are shown. */
const MAX_UNDESCRIBED = 256;

/** Series that are taken up in one turn: some milliseconds. */
const TAKEN_AT_ONCE = 256;

/** Reads the series of the process. */
export class SeriesReader {
  readonly #specs: ReadonlyMap<string, MetricSpec>;
  readonly #totals: SeriesTotals;
  readonly #threads: ReadonlyMap<number, { readonly buffer: SharedArrayBuffer }>;
  readonly #log: Pick<ServiceContext["log"], "log">;
  #isUndescribedLogged = false;

  /** @param context Of a service that is a reader of {@linkcode SERIES_ZONE}. */
  constructor({ log, metricSpecs, reads }: Pick<ServiceContext, "log" | "metricSpecs" | "reads">) {
    this.#log = log;
    this.#specs = new Map(metricSpecs.map((spec) => [spec.name, spec]));
    this.#totals = new SeriesTotals({
      onFault: (what) => log.log("error", "fluxheim::metrics", what),
      show: (name, labels, kind) => this.#show(name, labels, kind),
    });
    this.#threads = reads(SERIES_ZONE, (index, buffer) => this.#totals.retire(index, buffer));
  }

  /** How many threads write series. */
  get threads(): ReadonlyMap<number, unknown> {
    return this.#threads;
  }

  /**
   * Takes up some of the series that threads have registered since: a process with a thousand vhosts has so many
   * that a first scrape would wait for it.
   *
   * @returns Whether there may be more.
   */
  takeUp(): boolean {
    return this.#totals.takeUp(this.#threads, TAKEN_AT_ONCE);
  }

  /** Every metric that has series, described ones in the order of their descriptions. */
  read(): readonly MetricFamily[] {
    const byName = new Map<string, SeriesValue[]>();
    const undescribed = new Map<string, SeriesValue[]>();
    for (const value of this.#totals.read(this.#threads)) {
      const known = this.#specs.get(value.name);
      // A thread that was taken over may register what it likes: its kinds must not mix in one metric.
      if (known !== undefined && !fits(known, value)) continue;
      const families = known === undefined ? undescribed : byName;
      const series = families.get(value.name);
      if (series !== undefined) series.push(value);
      else if (known !== undefined || families.size < MAX_UNDESCRIBED) {
        families.set(value.name, [value]);
      }
    }
    if (undescribed.size > 0) this.#reportUndescribed([...undescribed.keys()]);
    const described = [...this.#specs.values()].flatMap((spec): MetricFamily[] => {
      const series = byName.get(spec.name);
      return series === undefined ? [] : [{ spec, series }];
    });
    const others = [...undescribed].flatMap(([name, series]): MetricFamily[] => {
      const { kind } = series[0];
      // Without bounds a histogram cannot be shown.
      if (kind === "histogram") return [];
      const spec: MetricSpec = { name, help: "", type: kind, labels: {} };
      return [{ spec, series: series.filter((value) => value.kind === kind) }];
    });
    return [...described, ...others];
  }

  #show(name: string, labels: Labels, kind: SeriesKind): Shown | undefined {
    const spec = this.#specs.get(name);
    if (spec === undefined) return undefined;
    let shown = labels;
    for (const [label, values] of Object.entries(spec.labels)) {
      const value = labels[label];
      if (value === undefined || values === "configured" || values.includes(value)) continue;
      // A value outside of the documented set (spec 06 section B2).
      if (values.includes("other")) shown = { ...shown, [label]: "other" };
    }
    return { labels: shown, fold: kind === "gauge" ? spec.fold ?? "sum" : "sum" };
  }

  #reportUndescribed(names: readonly string[]): void {
    if (this.#isUndescribedLogged) return;
    this.#isUndescribedLogged = true;
    const what = `metrics without a description: ${names.slice(0, 8).join(", ")}`;
    this.#log.log("warn", "fluxheim::metrics", what);
  }
}

/** Whether a series is what its description says. */
function fits({ type, buckets, labels }: MetricSpec, { kind, cells, labels: found }: SeriesValue) {
  if (type !== kind) return false;
  if (kind === "histogram" && cells.length !== (buckets?.length ?? 0) + 2) return false;
  const names = Object.keys(labels);
  return names.length === Object.keys(found).length && names.every((name) => name in found);
}
