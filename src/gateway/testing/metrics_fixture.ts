/** Metrics that tests read. @module */
import type { Counter, Metrics } from "../metrics.ts";

/** One series as it stands. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Counts everything it is asked to. */
export class CountingMetrics implements Metrics {
  readonly #series = new Map<string, { name: string; labels: Series["labels"]; value: number }>();

  counter(name: string, labels: Series["labels"]): Counter {
    const key = JSON.stringify([name, labels]);
    const series = this.#series.get(key) ?? { name, labels, value: 0 };
    this.#series.set(key, series);
    return { count: () => void series.value++ };
  }

  /** Every series that was asked for, counted or not. */
  series(): readonly Series[] {
    return [...this.#series.values()];
  }
}
