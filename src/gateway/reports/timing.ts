/**
 * Times within an exchange, as whole microseconds from its beginning: numbers without a fraction are kept
 * in their objects, where each other one would be an object of its own.
 *
 * @module
 */
import type { Exchange } from "../exchange/exchange.ts";

/** Eighteen minutes: what is longer is that long. */
const MAX_US = 2 ** 30 - 1;

/** Microseconds since an exchange began. Only for one that is timed: `startedAt` is not 0. */
export function microsecondsSince({ startedAt }: Pick<Exchange, "startedAt">): number {
  const us = (performance.now() - startedAt) * 1000;
  return us < MAX_US ? Math.trunc(us) : MAX_US;
}
