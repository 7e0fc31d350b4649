/**
 * Percent-encoding of URI text (RFC 3986 section 2.1), with UTF-8 in the escapes and nothing else.
 *
 * @module
 */
import { HEX, PATH } from "./chars.ts";

/**
 * Decodes every `%XX` of `text` once.
 *
 * @returns The decoded text, `text` itself when it has no escape, or `undefined` when an escape is
 * malformed or the decoded bytes are not UTF-8.
 */
export function percentDecode(text: string): string | undefined {
  if (text.indexOf("%") < 0) return text;
  try {
    // The one strict decoder available: it takes every %XX, and throws on what is not UTF-8.
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Encodes everything but unreserved characters (RFC 3986 section 2.3) and `/`; a `%` becomes `%25`.
 * Lone surrogates, which no URI can carry, become U+FFFD.
 */
export function percentEncodePath(text: string): string {
  return encode(text, PATH_UNRESERVED);
}

/** Encodes what may not be in a path (RFC 3986 `pchar` and `/`), `%` included. */
export function percentEncodeLiteral(text: string): string {
  return encode(text, PATH);
}

/**
 * Byte value of the escape whose `%` is at `at`, or -1 when two hexadecimal digits do not follow
 * before `end`.
 */
export function escapedByte(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 >= end) return -1;
  const high = HEX[bytes[at + 1]];
  const low = HEX[bytes[at + 2]];
  return high > 15 || low > 15 ? -1 : high << 4 | low;
}

const PATH_UNRESERVED = classOf((code) =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ||
  code === 45 || code === 46 || code === 95 || code === 126 || code === 47
);

const ESCAPES: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => "%" + byte.toString(16).toUpperCase().padStart(2, "0"),
);

const encoder = new TextEncoder();

function encode(text: string, keep: Uint8Array): string {
  let at = 0;
  while (at < text.length && keep[text.charCodeAt(at)] === 1) at++;
  if (at === text.length) return text;
  let out = text.slice(0, at);
  for (const byte of encoder.encode(text.slice(at))) {
    out += keep[byte] === 1 ? String.fromCharCode(byte) : ESCAPES[byte];
  }
  return out;
}

function classOf(member: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => member(code) ? 1 : 0);
}
