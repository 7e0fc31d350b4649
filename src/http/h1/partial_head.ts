/**
 * Request heads that have not ended and never can be valid: a bare LF, another version, a TLS handshake on
 * a cleartext port. Their clients are answered at the byte that shows it, where waiting for the end of the
 * head would mean silence until the time limit.
 *
 * Looked at is what a head is written like. What it says (its host, its framing, how many fields) is judged
 * when it has ended, by `request_head.ts`, which refuses everything that is refused here.
 *
 * @module
 */
import { FIELD_VALUE, HEX, TOKEN, VISIBLE } from "../chars.ts";
import type { HeadLimits } from "../head_limits.ts";
import { type TargetRules, targetRules } from "../target_rules.ts";
import {
  BAD_NAME,
  BAD_VALUE,
  FOLDED,
  type HeadProblem,
  headText,
  LONG_LINE,
  MAX_FIELD_LINE_BYTES,
  UNTERMINATED,
} from "./head.ts";
import { BAD_LINE, BAD_METHOD, BAD_VERSION } from "./request_head.ts";
import { BAD_TARGET } from "./request_target.ts";

/** First byte of a record with a handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 22;
const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const PERCENT = 37;
const SLASH = 47;
const ZERO = 48;
const ONE = 49;
const COLON = 58;
const QUESTION = 63;

const TLS_HELLO: HeadProblem = {
  status: 400,
  reason: "a TLS handshake on a cleartext port; ports for TLS are those of server.tls_listen",
  kind: "wrong_port",
};

/** Of a line that is right as far as it has come. */
const OPEN = -1;

/**
 * Looks at the lines of a head in `bytes[start, end)` that has not ended.
 *
 * @param judged What the last call for this head returned; 0 for the first one. A line that has not ended is
 * looked at again when more of it has come, so its bound is that of the work for one byte.
 * @param mayBeEmptyLine An empty line before the head is still skipped.
 * @returns Bytes of the lines that have ended and are right, or what is wrong for good.
 */
export function judgePartialHead(
  bytes: Uint8Array,
  start: number,
  judged: number,
  end: number,
  mayBeEmptyLine: boolean,
  limits: HeadLimits,
): number | HeadProblem {
  const maxLineBytes = Math.min(MAX_FIELD_LINE_BYTES, limits.maxHeadBytes);
  let at = start + judged;
  while (at < end) {
    const next = at === start
      ? readStartLine(bytes, start, end, mayBeEmptyLine, targetRules(limits))
      : readFieldLine(bytes, at, end, maxLineBytes);
    if (typeof next === "object") return next;
    if (next === OPEN) break;
    at = next;
  }
  return at - start;
}

/** Index after the line, or {@linkcode OPEN}. */
function readStartLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  mayBeEmptyLine: boolean,
  rules: TargetRules,
): number | HeadProblem {
  let at = skip(bytes, start, end, TOKEN);
  if (at === end) return OPEN;
  if (at === start && bytes[at] === CR && mayBeEmptyLine && at + 1 === end) return OPEN;
  if (at === start && bytes[at] === TLS_HANDSHAKE) return TLS_HELLO;
  if (at === start || bytes[at] !== SPACE) return bytes[at] === CR ? BAD_LINE : BAD_METHOD;
  const method = headText(bytes, start, at);
  const target = at + 1;
  at = bytes[target] === SLASH && method !== "CONNECT"
    ? skipOrigin(bytes, target, end, rules)
    : skip(bytes, target, end, VISIBLE);
  const isWrong = bytes[target] === SLASH
    ? method === "CONNECT" || (target + 1 < end && bytes[target + 1] === SLASH)
    : method !== "CONNECT" && !isOtherTarget(method, headText(bytes, target, Math.min(at, end)));
  if (target < end && at > target && isWrong) return BAD_TARGET;
  if (at >= end) return OPEN;
  if (at === target || bytes[at] === CR) return BAD_LINE;
  return bytes[at] === SPACE ? readVersion(bytes, at + 1, end) : BAD_TARGET;
}

/** Whether `text` is the beginning of an absolute target, or `*`. */
function isOtherTarget(method: string, text: string): boolean {
  if (text === "*") return method === "OPTIONS";
  const lower = text.substring(0, HTTPS.length).toLowerCase();
  return HTTPS.startsWith(lower) || HTTP.startsWith(lower.substring(0, HTTP.length));
}

const HTTP = "http://";
const HTTPS = "https://";

/**
 * Index after the path and query that begin at `at`: of the first byte that is not of them, or `end`
 * when all can be; an escape that is not complete may become one.
 */
function skipOrigin(bytes: Uint8Array, at: number, end: number, rules: TargetRules): number {
  let allowed = rules.path;
  for (;;) {
    at = skip(bytes, at, end, allowed);
    if (at === end) return end;
    if (bytes[at] === QUESTION && allowed === rules.path) {
      allowed = rules.query;
      at++;
      continue;
    }
    if (bytes[at] !== PERCENT) return at;
    for (let digit = at + 1; digit <= at + 2; digit++) {
      if (digit === end) return end;
      if (HEX[bytes[digit]] === 255) return at;
    }
    at += 3;
  }
}

/** The version and the line's end at `at`. */
function readVersion(bytes: Uint8Array, at: number, end: number): number | HeadProblem {
  for (let i = 0; i < VERSION.length; i++, at++) {
    if (at === end) return OPEN;
    if (bytes[at] !== VERSION.charCodeAt(i)) return BAD_VERSION;
  }
  if (at === end) return OPEN;
  if (bytes[at] !== ZERO && bytes[at] !== ONE) return BAD_VERSION;
  if (++at === end) return OPEN;
  if (bytes[at] !== CR) return BAD_VERSION;
  if (++at === end) return OPEN;
  return bytes[at] === LF ? at + 1 : BAD_VERSION;
}

const VERSION = "HTTP/1.";

/** Index after the line that begins at `start`, or {@linkcode OPEN}. */
function readFieldLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): number | HeadProblem {
  const first = bytes[start];
  if (first === SPACE || first === TAB) return FOLDED;
  let at = start;
  // The empty line that ends the head.
  if (first !== CR) {
    at = skip(bytes, start, end, TOKEN);
    if (at === end) return at - start > maxBytes ? LONG_LINE : OPEN;
    if (bytes[at] !== COLON || at === start) return BAD_NAME;
    at = skip(bytes, at + 1, end, FIELD_VALUE);
    if (at - start > maxBytes) return LONG_LINE;
    if (at === end) return OPEN;
    if (bytes[at] !== CR) return BAD_VALUE;
  }
  if (at + 1 === end) return OPEN;
  return bytes[at + 1] === LF ? at + 2 : UNTERMINATED;
}

/** Index of the first byte from `at` on that is not `allowed`, or `end`. */
function skip(bytes: Uint8Array, at: number, end: number, allowed: Uint8Array): number {
  while (at < end && allowed[bytes[at]] === 1) at++;
  return at;
}
