/** What follows from reports on a snapshot that is being watched (spec 06 part A3.3). @module */
import type { AdminConfig } from "./schema.ts";
import type { Pending } from "./store/validation.ts";

/** The next step. */
export type Decision = "rollback" | "confirm" | "wait";

/** The error rate is looked at before the number of good checks. */
export function decide(
  { successful_checks, failed_checks }: Pick<Pending, "successful_checks" | "failed_checks">,
  { max_error_rate_per_mille, min_successful_checks }: AdminConfig["self_healing"],
): Decision {
  const all = successful_checks + failed_checks;
  if (failed_checks > 0 && failed_checks * 1000 > max_error_rate_per_mille * all) return "rollback";
  return successful_checks >= min_successful_checks ? "confirm" : "wait";
}
