/** How requests that PHP was asked for have ended, for metrics and traces (spec 07 section 21). @module */
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { Slot } from "../../../gateway/exchange/slot.ts";
import type { FailureOutcome } from "../fpm/failure.ts";

/** `outcome` of a request. */
export type Outcome =
  | FailureOutcome
  | "declined"
  | "static_cache"
  | "redirect"
  | "forbidden"
  | "not_found"
  | "in_flight_limit"
  | "intercepted"
  | "offload"
  | "offload_error"
  | "response"
  | "other";

/** The outcome of an exchange, and the scope's own object that counts it; none where PHP was not asked. */
const OUTCOME = new Slot<Outcome | "">("");

/** Notes how `exchange` has ended, as far as PHP goes. */
export function note(exchange: Exchange | undefined, outcome: Outcome): void {
  if (exchange !== undefined) OUTCOME.set(exchange, outcome);
}

/** How it has ended; `""` where PHP was not asked. */
export function outcomeOf(exchange: Exchange): Outcome | "" {
  return OUTCOME.of(exchange);
}
