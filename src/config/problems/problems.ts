/**
 * Problems for people and for programs.
 *
 * @module
 */
import type { Problem } from "../types.ts";

/** Whether any problem is more than a warning. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.warning !== true);
}

/**
 * One problem as text: where, what, what is allowed, and on a second line a way out.
 *
 * ```text
 * conf/site.toml:12: vhosts[0].routes[2].path_prefix (vhost "shop"): must be a path that begins with "/"
 *     hint: did you mean "/app"?
 * ```
 */
export function formatProblem(problem: Problem): string {
  const line = problem.line === undefined || problem.line === 0 ? "" : `:${problem.line}`;
  const place = problem.file === undefined ? "" : `${problem.file}${line}: `;
  const severity = severityText(problem);
  const scope = problem.scope === undefined ? "" : ` (${problem.scope})`;
  const subject = problem.key === "" ? "" : `${problem.key}${scope}: `;
  const hint = problem.hint === undefined ? "" : `\n    hint: ${problem.hint}`;
  return `${place}${severity}${subject}${problem.message}${hint}`;
}

function severityText({ warning, security }: Problem): string {
  if (warning !== true) return "";
  return security === true ? "security warning: " : "warning: ";
}

/** A problem as `--json` prints it: every key there, `null` where there is nothing to say. */
export interface ProblemRecord {
  readonly severity: "error" | "warning";
  /** Of a warning: less is protected than the configuration seems to say. */
  readonly security: boolean;
  readonly file: string | null;
  readonly line: number | null;
  readonly key: string;
  readonly scope: string | null;
  readonly message: string;
  readonly hint: string | null;
}

/** The same problems for `--json`. */
export function problemRecords(problems: readonly Problem[]): readonly ProblemRecord[] {
  return problems.map((problem) => ({
    severity: problem.warning === true ? "warning" : "error",
    security: problem.security === true,
    file: problem.file ?? null,
    line: problem.line ?? null,
    key: problem.key,
    scope: problem.scope ?? null,
    message: problem.message,
    hint: problem.hint ?? null,
  }));
}
