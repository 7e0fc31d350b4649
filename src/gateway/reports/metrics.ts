/**
 * Metrics: names and labels are those of spec 06 part B and 02 section 11.5. A build that keeps nothing has
 * metrics that count nothing (`metrics_none.ts`), so that there is nothing in it to look a visitor up in.
 *
 * A module describes its metrics as data (`Module.metrics`) and counts in its steps by name
 * ({@linkcode Metrics}). What is counted lies in shared memory (`src/zones/series.ts`); services read it.
 *
 * @module
 */

/** One time series that only grows. */
export interface Counter {
  /** Counts one more; cheap enough for every request. */
  count(): void;
  /** Counts `amount` more: a whole number that is not negative. */
  add(amount: number): void;
}

/** One level. */
export interface Gauge {
  /** It is `value` now. */
  set(value: number): void;
  /** It is `change` more than before, or less. */
  add(change: number): void;
}

/** Times by how long they were. */
export interface Histogram {
  /** Observes one, in whole microseconds: a number without a fraction costs no memory. */
  observe(us: number): void;
}

/** The metrics of one thread. Series are to be asked for when a plan is compiled, not for each request. */
export interface Metrics {
  /** The series of `name` with these label values, e.g. `{ policy: "access", outcome: "deny" }`. */
  counter(name: string, labels: Readonly<Record<string, string>>): Counter;
  /** Likewise, of a gauge. Its value over all threads is their sum, or by its description the highest. */
  gauge(name: string, labels: Readonly<Record<string, string>>): Gauge;
  /**
   * Likewise, of a histogram.
   *
   * @param buckets Upper bounds in seconds, ascending: those of its description.
   */
  histogram(
    name: string,
    labels: Readonly<Record<string, string>>,
    buckets: readonly number[],
  ): Histogram;
}

/**
 * Values of a label: a closed set, where any other value is shown as `other` if that is in it and else as it
 * is; or `configured` for names of the configuration, which bounds them.
 */
export type LabelValues = readonly string[] | "configured";

/** What one metric is, as data. */
export interface MetricSpec {
  /** `fluxheim_proxy_requests_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** A counter's name ends in `_total`; a histogram is of seconds. */
  readonly type: "counter" | "gauge" | "histogram";
  /** Its labels in the order they are shown. */
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** Of a histogram: upper bounds in seconds, ascending. */
  readonly buckets?: readonly number[];
  /** Of a gauge: over all threads it is the highest one and not the sum. */
  readonly fold?: "max";
}

/** The classic buckets of request durations, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];
