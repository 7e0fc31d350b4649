/**
 * IP addresses and networks: strict parsing, canonical text. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is
 * read as the IPv4 address it stands for (spec 01 section 2.2), so that one client is one address in
 * every list, key and log line.
 *
 * An address is four 32-bit words in network order; an IPv4 address uses the first word only. Words go
 * into an array of the caller's, so that a look-up on the request path allocates nothing.
 *
 * @module
 */

/** Address family: 4, 6, or 0 for text that is no IP address. */
export type IpFamily = 0 | 4 | 6;

/** An IP network: the addresses that share the first `prefix` bits of `words`. */
export interface IpNetwork {
  readonly family: 4 | 6;
  /** The address as written, host bits included; four words, for IPv4 the first one. */
  readonly words: Uint32Array;
  /** Bits that count: 0 to 32, or 0 to 128. */
  readonly prefix: number;
  /** Whether all host bits are zero, so that the text names the network itself. */
  readonly canonical: boolean;
}

/** Longest text of an address: eight groups, or six and an embedded IPv4 address. */
const MAX_TEXT = 45;

const DOT = 46;
const COLON = 58;

const scratch = new Uint32Array(4);

/**
 * Reads a dotted quad: four decimal numbers without leading zeros.
 *
 * @returns The address as an unsigned 32-bit number, or -1.
 */
function parseQuad(text: string, start: number): number {
  let at = start;
  let address = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(at++) !== DOT) return -1;
    const first = text.charCodeAt(at) - 48;
    if (!(first >= 0 && first <= 9)) return -1;
    at++;
    let octet = first;
    for (let digits = 1; digits < 3; digits++) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      // "01" reads as octal elsewhere: two readers must never see two addresses.
      if (octet === 0) return -1;
      octet = octet * 10 + digit;
      at++;
    }
    if (octet > 255) return -1;
    address = address * 256 + octet;
  }
  return at === text.length ? address : -1;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

const groups = new Uint16Array(8);

/** Reads RFC 4291 section 2.2 text, without a zone, into `into`; returns whether it was right. */
function parseGroups(text: string, into: Uint32Array): boolean {
  const length = text.length;
  let at = 0;
  let count = 0;
  let gap = -1;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    at = 2;
  }
  while (at < length) {
    if (count === 8) return false;
    const start = at;
    let value = 0;
    let digit = hexDigit(text.charCodeAt(at));
    while (digit >= 0) {
      value = value * 16 + digit;
      if (++at - start > 4) return false;
      digit = at < length ? hexDigit(text.charCodeAt(at)) : -1;
    }
    if (at < length && text.charCodeAt(at) === DOT) {
      if (count > 6) return false;
      const quad = parseQuad(text, start);
      if (quad < 0) return false;
      groups[count++] = quad >>> 16;
      groups[count++] = quad & 0xffff;
      break;
    }
    if (at === start) return false;
    groups[count++] = value;
    if (at === length) break;
    if (text.charCodeAt(at++) !== COLON) return false;
    if (at === length) return false;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    }
  }
  // "::" stands for at least one group of zeros.
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    const after = count - gap;
    groups.copyWithin(8 - after, gap, count);
    groups.fill(0, gap, 8 - after);
  }
  for (let i = 0; i < 4; i++) into[i] = (groups[2 * i] << 16) | groups[2 * i + 1];
  return true;
}

/**
 * Reads an address into `into` (four words). IPv4-mapped IPv6 comes out as IPv4.
 *
 * @returns Its family, or 0 when `text` is no address: no brackets, no zone, no port, no short forms
 * of IPv4, no leading zeros in IPv4.
 */
export function parseIp(text: string, into: Uint32Array): IpFamily {
  if (text.length > MAX_TEXT) return 0;
  const quad = parseQuad(text, 0);
  if (quad >= 0) {
    into[0] = quad;
    into[1] = into[2] = into[3] = 0;
    return 4;
  }
  if (text.length < 2 || !parseGroups(text, into)) return 0;
  if (into[0] === 0 && into[1] === 0 && into[2] === 0xffff) {
    into[0] = into[3];
    into[2] = into[3] = 0;
    return 4;
  }
  return 6;
}

/** The family of `text`, or 0 when it is no address. */
export function ipFamily(text: string): IpFamily {
  return parseIp(text, scratch);
}

/** An address as text: dotted quad, or RFC 5952 for IPv6. */
export function formatIp(family: 4 | 6, words: Uint32Array): string {
  if (family === 4) {
    const w = words[0];
    return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;
  }
  for (let i = 0; i < 8; i++) {
    groups[i] = i % 2 === 0 ? words[i >> 1] >>> 16 : words[i >> 1] & 0xffff;
  }
  // The longest run of two or more zero groups, the first of equals, becomes "::".
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    if (end > i) i = end;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += "::";
      i += runLength - 1;
      continue;
    }
    if (text !== "" && !text.endsWith(":")) text += ":";
    text += groups[i].toString(16);
  }
  return text;
}

/** The one canonical text of an address, or `undefined` when `text` is not an address. */
export function canonicalIp(text: string): string | undefined {
  const family = parseIp(text, scratch);
  return family === 0 ? undefined : formatIp(family, scratch);
}

/**
 * The address of a socket as policies and logs know it. Sockets report canonical text except that a
 * dual-stack listener reports IPv4 peers as `::ffff:a.b.c.d`.
 */
export function socketAddress(hostname: string): string {
  return hostname.startsWith("::ffff:") ? canonicalIp(hostname) ?? hostname : hostname;
}

/**
 * Reads `ip` or `ip/prefix`. A network of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) comes out as
 * the IPv4 network.
 *
 * @returns `undefined` for anything else: inner space, a prefix out of range or with leading zeros.
 */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf("/");
  const words = new Uint32Array(4);
  const family = parseIp(slash < 0 ? text : text.slice(0, slash), words);
  if (family === 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  if (slash < 0) return { family, words, prefix: bits, canonical: true };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  let prefix = Number(digits);
  const mapped = family === 4 && text.lastIndexOf(":", slash) >= 0;
  if (mapped) prefix -= 96;
  if (prefix < 0 || prefix > bits) return undefined;
  let canonical = true;
  for (let i = 0; i < bits / 32; i++) if ((words[i] & hostMask(prefix, i)) !== 0) canonical = false;
  return { family, words, prefix, canonical };
}

/** The bits of word `index` that lie past the first `prefix` bits of the address, unsigned. */
export function hostMask(prefix: number, index: number): number {
  const within = Math.min(32, Math.max(0, prefix - index * 32));
  return within === 32 ? 0 : 0xffffffff >>> within;
}
