/**
 * The one parser of authorities: `Host`, `:authority`, absolute and authority targets, and every host in
 * a configuration. A host that two readers take for two names is a way around the policy of a vhost, so
 * what this parser refuses is never routed and never forwarded (RFC 9110 section 7.2; spec 01 sections
 * 1.7 and 3.2).
 *
 * @module
 */
import { canonicalIp, ipFamily } from "../net/ip.ts";

/** A host and perhaps a port. */
export interface Authority {
  /** As given, without an empty port: what is forwarded. */
  readonly text: string;
  /**
   * The host as it is compared: lower case, no brackets, IPv6 in its RFC 5952 text, IPv4-mapped IPv6 as
   * IPv4.
   */
  readonly host: string;
  /** `undefined` where there is none or an empty one, which counts as none (RFC 3986 section 3.2.3). */
  readonly port: number | undefined;
}

/** RFC 1035 section 2.3.4. */
const MAX_NAME_BYTES = 253;
const MAX_LABEL_BYTES = 63;
const MAX_PORT = 65_535;
const MAX_PORT_DIGITS = 5;

const HYPHEN = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const UPPER_A = 65;
const UPPER_Z = 90;
const OPEN_BRACKET = 91;
const UNDERSCORE = 95;
const LOWER_A = 97;
const LOWER_X = 120;
const LOWER_Z = 122;

/**
 * Reads `host` or `host:port`.
 *
 * A host is an IPv4 address, an IPv6 address in brackets, or a name of at most 253 bytes: labels of 1 to
 * 63 letters, digits, `-` and `_`, of which none begins or ends with `-`. A name that ends in a number is
 * no name: other readers take it for an IPv4 address (`127.1`, `0x7f000001`; URL standard section 3.5). A
 * port is a decimal number up to 65535 without leading zeros, or empty.
 *
 * @returns `undefined` for anything else, be it legal elsewhere: user information, percent escapes, a
 * trailing dot, a zone.
 */
export function readAuthority(text: string): Authority | undefined {
  const hostEnd = endOfHost(text);
  if (hostEnd <= 0) return undefined;
  const port = readPort(text, hostEnd);
  if (port === WRONG) return undefined;
  const host = text.charCodeAt(0) === OPEN_BRACKET
    ? ipv6(text.substring(1, hostEnd - 1))
    : readName(text, hostEnd);
  if (host === undefined) return undefined;
  const hasEmptyPort = hostEnd + 1 === text.length;
  return {
    text: hasEmptyPort ? text.substring(0, hostEnd) : text,
    host,
    port: port === NONE ? undefined : port,
  };
}

/**
 * Whether a text that {@linkcode readAuthority} refuses is written like a name, perhaps with a port, which
 * the rules for names rule out (`a..b`, `-a`, `127.1`). Host routing refuses such a request, and counts it;
 * what is not even written like one is refused with its head (spec 01 sections 2.1 and 3.2).
 */
export function isLikeName(text: string): boolean {
  const end = endOfHost(text);
  if (end <= 0 || readPort(text, end) === WRONG) return false;
  if (text.charCodeAt(0) === DOT || text.charCodeAt(end - 1) === DOT) return false;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const isUpper = code >= UPPER_A && code <= UPPER_Z;
    if (code !== DOT && !isUpper && !isNameCharacter(code)) return false;
  }
  return true;
}

/** Whether two authorities name the same host and port, as they are written and but for case. */
export function isSameAuthority(one: Authority, other: Authority): boolean {
  return one.text === other.text || one.text.toLowerCase() === other.text.toLowerCase();
}

/**
 * The parts of `host:port` or `[v6]:port` in a configuration, the host as it is written, without brackets,
 * and not checked as a name. `undefined` when `text` has no port or is something else.
 */
export function splitAuthority(text: string): { host: string; port: number } | undefined {
  const hostEnd = endOfHost(text);
  const port = hostEnd <= 0 ? NONE : readPort(text, hostEnd);
  if (port < 0) return undefined;
  if (text.charCodeAt(0) !== OPEN_BRACKET) {
    const host = text.slice(0, hostEnd);
    return /[[\]\s]/.test(host) ? undefined : { host, port };
  }
  const host = text.slice(1, hostEnd - 1);
  return host.includes(":") && ipFamily(host) !== 0 ? { host, port } : undefined;
}

/** Index after the host, brackets included; -1 when a bracket stays open. */
function endOfHost(text: string): number {
  if (text.charCodeAt(0) === OPEN_BRACKET) {
    const close = text.indexOf("]");
    return close < 0 ? -1 : close + 1;
  }
  const colon = text.indexOf(":");
  return colon < 0 ? text.length : colon;
}

/** Of {@linkcode readPort}: there is no port. */
const NONE = -1;
/** Of {@linkcode readPort}: what follows the host is no port. */
const WRONG = -2;

/** The port after a host that ends at `at`. */
function readPort(text: string, at: number): number {
  if (at === text.length) return NONE;
  if (text.charCodeAt(at) !== COLON) return WRONG;
  const digits = text.length - at - 1;
  if (digits === 0) return NONE;
  // Readers of octal and of numbers that wrap must see the same port.
  if (digits > MAX_PORT_DIGITS || (digits > 1 && text.charCodeAt(at + 1) === ZERO)) return WRONG;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return WRONG;
    port = port * 10 + code - ZERO;
  }
  return port <= MAX_PORT ? port : WRONG;
}

function ipv6(text: string): string | undefined {
  return text.includes(":") ? canonicalIp(text) : undefined;
}

/** Reads the name or IPv4 address in `text[0, end)` label by label; makes a new string only when it must. */
function readName(text: string, end: number): string | undefined {
  if (end > MAX_NAME_BYTES) return undefined;
  let hasUpper = false;
  let label = 0;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (!isLabel(text, label, i)) return undefined;
      label = i + 1;
    } else if (code >= UPPER_A && code <= UPPER_Z) {
      hasUpper = true;
    } else if (!isNameCharacter(code)) {
      return undefined;
    }
  }
  if (!isLabel(text, label, end)) return undefined;
  const name = end === text.length ? text : text.substring(0, end);
  if (isNumber(text, label, end) && ipFamily(name) !== 4) return undefined;
  return hasUpper ? name.toLowerCase() : name;
}

function isNameCharacter(code: number): boolean {
  return (code >= LOWER_A && code <= LOWER_Z) || (code >= ZERO && code <= NINE) ||
    code === HYPHEN || code === UNDERSCORE;
}

function isLabel(text: string, start: number, end: number): boolean {
  return end > start && end - start <= MAX_LABEL_BYTES &&
    text.charCodeAt(start) !== HYPHEN && text.charCodeAt(end - 1) !== HYPHEN;
}

/** Whether a label is a number to readers of IPv4 addresses: digits, or `0x` and hexadecimal digits. */
function isNumber(text: string, start: number, end: number): boolean {
  const isHex = text.charCodeAt(start) === ZERO &&
    (text.charCodeAt(start + 1) | 32) === LOWER_X && end - start > 1;
  for (let i = isHex ? start + 2 : start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code >= ZERO && code <= NINE) continue;
    const letter = code | 32;
    if (!isHex || letter < LOWER_A || letter > LOWER_A + 5) return false;
  }
  return true;
}
