/**
 * Host names as they are compared: the same rules for a configured host and for the host of a
 * request (spec 02 section 2.1). Runs once a request, so a host that is already normal comes back as
 * the very string that was given.
 *
 * @module
 */
import { canonicalIp, ipFamily } from "../net/ip.ts";

const MAX_HOST_BYTES = 253;
const MAX_LABEL_BYTES = 63;
const MAX_PORT = 65535;

const TAB = 9;
const SPACE = 32;
const HYPHEN = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const UPPER_A = 65;
const UPPER_Z = 90;
const OPEN_BRACKET = 91;
const LOWER_A = 97;
const LOWER_Z = 122;

/**
 * Normal form of a host: trimmed, no `:port`, no brackets, no trailing dots, lower case; IPv6 in its
 * RFC 5952 text, IPv4-mapped IPv6 as IPv4.
 *
 * @returns The normal form, or `undefined` when `text` is not a DNS name or IP literal: empty,
 * wildcard, a label that is empty, longer than 63 bytes, begins or ends with `-` or has other
 * characters than letters, digits and hyphens, more than 253 bytes, or a last label of digits only
 * that is not part of an IPv4 address.
 */
export function normalizeHost(text: string): string | undefined {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  if (start === end) return undefined;
  if (text.charCodeAt(start) === OPEN_BRACKET) return bracketed(text.slice(start, end));

  const colon = text.indexOf(":", start);
  if (colon >= 0 && colon < end) {
    if (text.indexOf(":", colon + 1) >= 0) return ipv6(text.slice(start, end));
    if (!isPort(text, colon + 1, end)) return undefined;
    end = colon;
  }
  while (end > start && text.charCodeAt(end - 1) === DOT) end--;
  return name(text, start, end);
}

/**
 * Normal form of a configured host: as {@linkcode normalizeHost}, or `*.` and the normal form of a
 * DNS name. `undefined` when it is neither; the suffix of a wildcard is never an IP address.
 */
export function normalizeHostPattern(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("*.")) return normalizeHost(trimmed);
  const suffix = normalizeHost(trimmed.slice(2));
  return suffix === undefined || ipFamily(suffix) !== 0 ? undefined : `*.${suffix}`;
}

/** Checks `text[start, end)` label by label; makes a new string only when it must. */
function name(text: string, start: number, end: number): string | undefined {
  if (start === end || end - start > MAX_HOST_BYTES) return undefined;
  let upper = false;
  let label = start;
  let digits = true;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code >= LOWER_A && code <= LOWER_Z) {
      digits = false;
    } else if (code >= ZERO && code <= NINE) {
      continue;
    } else if (code === DOT) {
      if (!isLabel(text, label, i)) return undefined;
      label = i + 1;
      digits = true;
    } else if (code >= UPPER_A && code <= UPPER_Z) {
      upper = true;
      digits = false;
    } else if (code === HYPHEN) {
      digits = false;
    } else {
      return undefined;
    }
  }
  if (!isLabel(text, label, end)) return undefined;
  const whole = start === 0 && end === text.length ? text : text.slice(start, end);
  if (digits && ipFamily(whole) !== 4) return undefined;
  return upper ? whole.toLowerCase() : whole;
}

function isLabel(text: string, start: number, end: number): boolean {
  return end > start && end - start <= MAX_LABEL_BYTES &&
    text.charCodeAt(start) !== HYPHEN && text.charCodeAt(end - 1) !== HYPHEN;
}

/** `[v6]` or `[v6]:port`. */
function bracketed(text: string): string | undefined {
  const close = text.indexOf("]");
  if (close < 0) return undefined;
  if (close + 1 < text.length) {
    if (text.charCodeAt(close + 1) !== COLON || !isPort(text, close + 2, text.length)) {
      return undefined;
    }
  }
  return ipv6(text.slice(1, close));
}

function ipv6(text: string): string | undefined {
  return text.includes(":") ? canonicalIp(text) : undefined;
}

/** Whether `text[start, end)` is a decimal number from 0 to 65535 of at most five digits. */
function isPort(text: string, start: number, end: number): boolean {
  if (start === end || end - start > 5) return false;
  let port = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
    port = port * 10 + code - ZERO;
  }
  return port <= MAX_PORT;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
