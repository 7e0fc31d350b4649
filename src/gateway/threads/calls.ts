/**
 * Calls between threads, as the caller sees them.
 *
 * @module
 */
import type { Plain } from "./thread.ts";

/** How a call ended: with an answer, or without one that can be used. */
export type CallOutcome =
  | { readonly kind: "answer"; readonly value: Plain }
  /** The callee is not there, is busy, has failed, or has not answered by the deadline. */
  | { readonly kind: "unavailable"; readonly reason: string };

/** Calls to another thread. Every call settles at its deadline at the latest. */
export interface Calls {
  /**
   * Makes one call.
   *
   * @param deadlineMs How long to wait for the answer.
   */
  call(name: string, input: Plain, deadlineMs: number): Promise<CallOutcome>;
}
