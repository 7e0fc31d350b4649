/**
 * Outcomes of attempts: what counts as a failure of a member, and what counts for nothing because the
 * client or this machine caused it (spec 03 section 11).
 *
 * @module
 */
import { ClientError } from "../../../http/client.ts";
import { DialError } from "../../../net/dial/dial.ts";
import type { LoadBalanceConfig } from "../schema.ts";
import { type StatusSet, statusSet } from "../care/status_set.ts";

/** Codes of errors that say something about this machine, and nothing about a member. */
const LOCAL: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOBUFS",
  "EADDRNOTAVAIL",
  "ENETUNREACH",
  "ENETDOWN",
]);

const ANY_5XX = statusSet([], [{ start: 500, end: 599 }]);

/** What is a failure in one pool. */
export class FailureRules {
  readonly #statuses: StatusSet;
  /** 0 for no limit. */
  readonly maxLatencyMs: number;

  /** @param config `undefined` without passive health: any 5xx is a failure. */
  constructor(config: LoadBalanceConfig["passive_health"] | undefined) {
    const { failure_statuses: statuses = [], failure_status_ranges: ranges = [] } = config ?? {};
    this.#statuses = statuses.length + ranges.length === 0 ? ANY_5XX : statusSet(statuses, ranges);
    this.maxLatencyMs = config?.max_latency_ms ?? 0;
  }

  /** @param latencyMs From the complete request to the head of the answer; 0 where it is not measured. */
  isFailure(status: number, latencyMs: number): boolean {
    return this.#statuses.has(status) || (this.maxLatencyMs > 0 && latencyMs >= this.maxLatencyMs);
  }
}

/** Whether an attempt that ended with `error` says something about its member. */
export function isOfMember(error: unknown): boolean {
  if (!(error instanceof ClientError)) return false;
  return !(error.cause instanceof DialError) || isOfDial(error.cause);
}

/** Whether a connection that was not made says something about its member. */
export function isOfDial(error: unknown): boolean {
  if (!(error instanceof DialError)) return false;
  if (error.reason === "aborted" || error.reason === "not_permitted") return false;
  return !isLocal(error.cause);
}

/** Whether an error of the system says something about this machine alone. */
export function isLocal(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && LOCAL.has(error.code);
}
