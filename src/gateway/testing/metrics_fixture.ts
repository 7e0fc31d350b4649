/** Metrics that tests read. @module */
import type { Counter, Gauge, Histogram, Metrics } from "../reports/metrics.ts";

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
    const series = this.#of(name, labels);
    return { count: () => void series.value++, add: (amount) => void (series.value += amount) };
  }

  gauge(name: string, labels: Series["labels"]): Gauge {
    const series = this.#of(name, labels);
    return {
      set: (value) => void (series.value = value),
      add: (change) => void (series.value += change),
    };
  }

  /** Its value is how many times were observed. */
  histogram(name: string, labels: Series["labels"]): Histogram {
    const series = this.#of(name, labels);
    return { observe: () => void series.value++ };
  }

  #of(name: string, labels: Series["labels"]): { value: number } {
    const key = JSON.stringify([name, labels]);
    const series = this.#series.get(key) ?? { name, labels, value: 0 };
    this.#series.set(key, series);
    return series;
  }

  /** Every series that was asked for, counted or not. */
  series(): readonly Series[] {
    return [...this.#series.values()];
  }
}
