/**
 * Counters of one worker. Names and labels are those of spec 06 part B and 02 section 11.5; what
 * collects and exposes them stands behind this interface.
 *
 * @module
 */

/** Most label combinations kept for one counter; past it they fall into one `other` cell. */
export const MAX_SERIES = 4096;

/** One time series; `add` is an addition and nothing else. */
export interface Counter {
  value: number;
}

/** The counters of one worker. Ask for a series when a plan is compiled, count on it per request. */
export class Metrics {
  readonly #families = new Map<string, Map<string, Counter>>();

  /** The series of `name` with these label values, e.g. `{ policy: "access", outcome: "deny" }`. */
  counter(name: string, labels: Readonly<Record<string, string>>): Counter {
    let family = this.#families.get(name);
    if (family === undefined) this.#families.set(name, family = new Map());
    let key = JSON.stringify(labels);
    let series = family.get(key);
    if (series === undefined) {
      if (family.size >= MAX_SERIES) {
        key = JSON.stringify(Object.fromEntries(Object.keys(labels).map((l) => [l, "other"])));
        series = family.get(key);
      }
      if (series === undefined) family.set(key, series = { value: 0 });
    }
    return series;
  }

  /** Every series, for exposition and tests. */
  *series(): Generator<{ name: string; labels: Record<string, string>; value: number }> {
    for (const [name, family] of this.#families) {
      for (const [key, { value }] of family) yield { name, labels: JSON.parse(key), value };
    }
  }
}
