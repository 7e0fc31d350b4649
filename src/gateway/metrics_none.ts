/** Metrics of a build that counts nothing. @module */
import type { Counter, Metrics } from "./metrics.ts";

const UNCOUNTED: Counter = Object.freeze({ count() {} });

/** Keeps nothing, neither counts nor names. */
export const NO_METRICS: Metrics = Object.freeze({ counter: () => UNCOUNTED });
