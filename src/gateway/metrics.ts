/**
 * Counters: names and labels are those of spec 06 part B and 02 section 11.5. A build that keeps nothing has
 * counters that count nothing (`metrics_none.ts`), so that there is nothing in it to look a visitor up in.
 *
 * @module
 */

/** One time series. */
export interface Counter {
  /** Counts one more; cheap enough for every request. */
  count(): void;
}

/** The counters of one worker. */
export interface Metrics {
  /**
   * The series of `name` with these label values, e.g. `{ policy: "access", outcome: "deny" }`. To be asked
   * for when a plan is compiled, not for each request.
   */
  counter(name: string, labels: Readonly<Record<string, string>>): Counter;
}
