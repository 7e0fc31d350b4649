/**
 * The target of an HTTP/1 request in its four forms (RFC 9112 section 3.2).
 *
 * @module
 */
import { HEX } from "../chars.ts";
import { readAuthority } from "../authority.ts";
import { isTarget, type TargetRules } from "../target_rules.ts";
import { type HeadProblem, headProblem } from "./head.ts";

/** What a target says, with the method that it depends on. */
export interface RequestTarget {
  readonly method: string;
  /** Origin form: path and query. `*` for `OPTIONS *`, an authority for CONNECT. */
  target: string;
  path: string;
  query: string | undefined;
  /** The authority in an absolute target or in that of CONNECT, not looked at yet; else `""`. */
  targetAuthority: string;
}

/** A target in none of the four forms, or has a byte that its form has not. */
export const BAD_TARGET = headProblem(
  400,
  "the request target has a form or a byte that is not allowed",
);

const SPACE = 32;
const PERCENT = 37;
const SLASH = 47;
const DELETE = 127;

/** Index after the last byte from `at` on that is allowed or of a percent escape. */
export function skipEscaped(bytes: Uint8Array, at: number, allowed: Uint8Array): number {
  for (;;) {
    while (allowed[bytes[at]] === 1) at++;
    if (bytes[at] !== PERCENT || !isEscape(bytes, at)) return at;
    at += 3;
  }
}

/** Index after the last visible ASCII byte from `at` on: how far a target of another form may reach. */
export function skipVisible(bytes: Uint8Array, at: number): number {
  while (bytes[at] > SPACE && bytes[at] < DELETE) at++;
  return at;
}

function isEscape(bytes: Uint8Array, at: number): boolean {
  return HEX[bytes[at + 1]] !== 255 && HEX[bytes[at + 2]] !== 255;
}

/**
 * Origin form, which is in `text[start, end)` and has been looked through: its path ends at `pathEnd`.
 * Two slashes at its start are refused, which the next hop might read as an authority.
 */
export function readOriginTarget(
  head: RequestTarget,
  text: string,
  start: number,
  pathEnd: number,
  end: number,
): HeadProblem | undefined {
  if (text.charCodeAt(start + 1) === SLASH) return BAD_TARGET;
  head.targetAuthority = "";
  head.target = text.substring(start, end);
  if (pathEnd === end) {
    head.path = head.target;
    head.query = undefined;
  } else {
    head.path = text.substring(start, pathEnd);
    head.query = text.substring(pathEnd + 1, end);
  }
  return undefined;
}

/** Absolute form, `*` and authority form: writes what `target` says into `head`, or returns what is wrong. */
export function readOtherTarget(
  head: RequestTarget,
  target: string,
  rules: TargetRules,
): HeadProblem | undefined {
  head.query = undefined;
  head.targetAuthority = "";
  if (target === "*") {
    if (head.method !== "OPTIONS") return BAD_TARGET;
    head.target = head.path = "*";
    return undefined;
  }
  if (head.method === "CONNECT") {
    if (readAuthority(target)?.port === undefined) return BAD_TARGET;
    head.target = head.path = head.targetAuthority = target;
    return undefined;
  }
  const schemeEnd = target.indexOf("://");
  if (schemeEnd < 0) return BAD_TARGET;
  const scheme = target.substring(0, schemeEnd).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return BAD_TARGET;
  const authorityStart = schemeEnd + 3;
  let authorityEnd = authorityStart;
  while (authorityEnd < target.length && !"/?#".includes(target[authorityEnd])) authorityEnd++;
  if (authorityEnd === authorityStart) return BAD_TARGET;

  const rest = target.substring(authorityEnd);
  const origin = rest.startsWith("/") ? rest : "/" + rest;
  const question = origin.indexOf("?");
  const path = question < 0 ? origin : origin.substring(0, question);
  const query = question < 0 ? undefined : origin.substring(question + 1);
  if (path.startsWith("//") || !isTarget(origin, rules)) return BAD_TARGET;
  head.target = origin;
  head.path = path;
  head.query = query;
  head.targetAuthority = target.substring(authorityStart, authorityEnd);
  return undefined;
}
