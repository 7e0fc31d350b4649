/**
 * Characters that a request target may have. RFC 3986 leaves out some that browsers and applications send
 * all the same: `[ ]` in paths, and in queries `[ ] { } | ^`, the backtick and a `%` without two hexadecimal
 * digits. They pass as they came, unless `server.limits.strict_targets` is on.
 *
 * None of them separates anything for a reader of HTTP or of paths. What does stays refused: controls,
 * spaces, quotes, `<`, `>`, `\`, `#`, and a `%` in a path that is no escape.
 *
 * @module
 */
import { HEX, PATH, QUERY } from "./chars.ts";
import type { HeadLimits } from "./head_limits.ts";

/** Bytes that may be in a target as they are. A `%` that is not among them begins an escape. */
export interface TargetRules {
  readonly path: Uint8Array;
  readonly query: Uint8Array;
}

/** RFC 3986. */
export const STRICT_TARGETS: TargetRules = { path: PATH, query: QUERY };

/** What is accepted by default. */
export const LENIENT_TARGETS: TargetRules = {
  path: withBytes(PATH, "[]"),
  query: withBytes(QUERY, "[]{}|^`%"),
};

/** The rules for heads under `limits`. */
export function targetRules(limits: HeadLimits): TargetRules {
  return limits.strictTargets === true ? STRICT_TARGETS : LENIENT_TARGETS;
}

/** Whether `text`, a path and perhaps a query, has only what `rules` allow. */
export function isTarget(text: string, rules: TargetRules): boolean {
  const question = text.indexOf("?");
  if (question < 0) return isEscaped(text, 0, text.length, rules.path);
  return isEscaped(text, 0, question, rules.path) &&
    isEscaped(text, question + 1, text.length, rules.query);
}

/** Whether `text[start, end)` has only `allowed` characters and well-formed percent escapes. */
function isEscaped(text: string, start: number, end: number, allowed: Uint8Array): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (allowed[code] === 1) continue;
    if (code !== PERCENT || i + 2 >= end) return false;
    if (HEX[text.charCodeAt(i + 1)] > 15 || HEX[text.charCodeAt(i + 2)] > 15) return false;
    i += 2;
  }
  return true;
}

const PERCENT = 37;

function withBytes(allowed: Uint8Array, more: string): Uint8Array {
  const table = allowed.slice();
  for (let i = 0; i < more.length; i++) table[more.charCodeAt(i)] = 1;
  return table;
}
