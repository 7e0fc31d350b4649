/** How a problem reads in a log line or on a terminal. @module */
import type { Problem } from "../../config/types.ts";
import type { Logger } from "../../gateway/reports/log.ts";

/** Logs a warning; one that less is protected than it seems goes to the target of security events. */
export function logWarning(problem: Problem, log: Logger, prefix = ""): void {
  const target = problem.security === true ? "fluxheim::security" : "fluxheim";
  log.log("warn", target, prefix + problemText(problem));
}

/** File, line, key, what is wrong and the way out, in one line. */
export function problemText({ key, scope, message, hint, file, line }: Problem): string {
  const place = file === undefined ? "" : line === undefined ? `${file}: ` : `${file}:${line}: `;
  const owner = scope === undefined ? "" : ` (${scope})`;
  const subject = key === "" ? "" : `${key}${owner}: `;
  return `${place}${subject}${message}${hint === undefined ? "" : ` (${hint})`}`;
}
