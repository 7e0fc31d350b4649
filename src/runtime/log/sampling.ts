/**
 * Which access records are written, by the status of the answer.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { hasFailed } from "../../gateway/exchange/outcome.ts";

/** Statuses are below. */
const STATUSES = 600;

/** The part of the records that is written, by status; `undefined` for all of them. */
export function ratesOf(perMille: Readonly<Record<string, number>>): Float32Array | undefined {
  const entries = Object.entries(perMille);
  if (entries.length === 0) return undefined;
  const rates = new Float32Array(STATUSES).fill(1);
  for (const [name, rate] of entries) {
    const first = 100 * Number(name[0]);
    if (name.endsWith("xx")) rates.fill(rate / 1000, first, first + 100);
  }
  // A status of its own goes before its class.
  for (const [name, rate] of entries) if (!name.endsWith("xx")) rates[Number(name)] = rate / 1000;
  return rates;
}

/** Whether the record of `exchange` is left out; never that of one that failed. */
export function isLeftOut(rates: Float32Array, exchange: Exchange): boolean {
  const rate = rates[exchange.status] ?? 1;
  return rate < 1 && !hasFailed(exchange) && Math.random() >= rate;
}
