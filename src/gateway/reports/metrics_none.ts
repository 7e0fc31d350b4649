/** Metrics of a build that counts nothing, and of a process that is not asked to. @module */
import type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";

const UNCOUNTED: Counter = Object.freeze({ count() {}, add() {} });
const UNSET: Gauge = Object.freeze({ set() {}, add() {} });
const UNOBSERVED: Histogram = Object.freeze({ observe() {} });

/** Keeps nothing, neither counts nor names. */
export const NO_METRICS: Metrics = Object.freeze({
  counter: () => UNCOUNTED,
  gauge: () => UNSET,
  histogram: () => UNOBSERVED,
});
