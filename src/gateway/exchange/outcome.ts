/**
 * How an exchange went, in the classes of spec 06 section B2: one judge for metrics, access records and
 * spans.
 *
 * @module
 */
import type { Exchange } from "./exchange.ts";

/** Beyond 5xx. */
const OTHER = 6;

/** 0 when nothing was answered, 1 to 5 for 1xx to 5xx, 6 beyond. */
export function statusClassOf(status: number): number {
  if (status === 0) return 0;
  const first = Math.trunc(status / 100);
  return first >= 1 && first <= 5 ? first : OTHER;
}

/**
 * An exchange failed when it did not run to its end, or when this program itself had to answer with a
 * server error. An upstream's own 5xx is an answer like any other.
 */
export function hasFailed({ failed, refusal }: Pick<Exchange, "failed" | "refusal">): boolean {
  return failed || (refusal !== undefined && refusal.status >= 500);
}
