/** What operations come to, as the endpoints show it (spec 06 part A3). @module */
import { formatProblem } from "../../../config/problems/problems.ts";
import type { ProcessFacts, ReloadOutcome } from "../../../gateway/threads/keeper_part.ts";
import type { Plain } from "../../../gateway/threads/thread.ts";
import { failure, type Outcome } from "../calls.ts";
import type { Pending } from "../store/validation.ts";

/** What asked for a reload. */
export type Source = "start" | "signal" | "reload-config" | "reload" | "rollback" | "self-healing";

/** How the last reload went. */
export interface LastReload {
  /** Counts reloads of this process: a caller that waits for one compares it with the number before. */
  readonly number: number;
  readonly source: Source;
  /** Unix seconds. */
  readonly started: number;
  readonly outcome: ReloadOutcome["kind"] | "rolled-back";
  readonly impact: "noop" | "snapshot" | "process-upgrade" | null;
  readonly reasons: readonly string[];
}

/** A success. */
export function ok(body: Readonly<Record<string, Plain>>, status = 200): Outcome {
  return { status, body: { status: "ok", ...body } };
}

/** The answer to a change that was not made. */
export function refusalOf(snapshot: string, outcome: ReloadOutcome): Outcome {
  switch (outcome.kind) {
    case "process-upgrade":
      return {
        status: 409,
        body: {
          status: "error",
          error: "process_upgrade_required",
          snapshot,
          impact: "process-upgrade",
          reasons: [...outcome.reasons],
          live_apply: false,
        },
      };
    case "invalid":
      return failure(400, reasonsOf(outcome).join("; "));
    case "failed":
      return failure(409, `the configuration could not be applied: ${outcome.reason}`);
    default:
      return failure(500, "internal_error");
  }
}

/** The class of a change. */
export function impactOf({ kind }: ReloadOutcome): LastReload["impact"] {
  switch (kind) {
    case "noop":
      return "noop";
    case "applied":
      return "snapshot";
    case "process-upgrade":
      return "process-upgrade";
    default:
      return null;
  }
}

/** Why a change was not made. */
export function reasonsOf(outcome: ReloadOutcome): readonly string[] {
  switch (outcome.kind) {
    case "process-upgrade":
      return outcome.reasons;
    case "invalid":
      return outcome.problems.filter(({ warning }) => warning !== true).map(formatProblem);
    case "failed":
      return [outcome.reason];
    default:
      return [];
  }
}

/** A snapshot that is being watched. */
export function shownPending(pending: Pending): Record<string, Plain> {
  return { ...pending, error_rate_per_mille: errorRate(pending) };
}

/** Bad reports in thousandths of all. */
export function errorRate(
  { successful_checks, failed_checks }: Pick<Pending, "successful_checks" | "failed_checks">,
): number {
  const all = successful_checks + failed_checks;
  return all === 0 ? 0 : Math.floor(failed_checks * 1000 / all);
}

/** The process. */
export function shownProcess(
  { pid, uptimeSecs, state, threads }: ProcessFacts,
): Record<string, Plain> {
  return {
    pid,
    uptime_secs: uptimeSecs,
    phase: state.phase,
    threads: threads.map(({ role, serving }) => ({ role, serving })),
  };
}

/** The label of a compliance mode. */
export function complianceMode(fips: boolean, iso: boolean): string {
  if (iso) return "FIPS 140-3 / ISO/IEC 19790";
  return fips ? "FIPS 140-3" : "none";
}
