/**
 * Which request paths are served at all (spec 01 section 3.6, spec 02 section 3.1). What passes means
 * the same to every component behind, however often it decodes: no traversal, no separator, control
 * character or escape hides in an escape.
 *
 * @module
 */
import { escapedByte } from "../../http/percent.ts";

/** How often a path is decoded before an escape that is still there counts as an attack. */
const MAX_DECODE_PASSES = 3;

const DOT = 46;
const SLASH = 47;
const PERCENT = 37;
const BACKSLASH = 92;
const DELETE = 127;

/**
 * Whether `path` (no query) may be routed.
 *
 * Refused are: a path that does not start with `/`; controls and `\`; `//`; a segment `.` or `..`; and an
 * escape that is malformed, or decodes within {@linkcode MAX_DECODE_PASSES} passes to any of these,
 * to `/`, to bytes that are not UTF-8 or to a Unicode control, or leaves an escape after them. So `/100%25`
 * is refused as well: the second pass meets a malformed escape.
 */
export function isSafePath(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  const length = path.length;
  let segment = 1;
  for (let i = 1; i < length; i++) {
    const code = path.charCodeAt(i);
    if (code === SLASH) {
      if (i === segment || isDotSegment(path, segment, i)) return false;
      segment = i + 1;
    } else if (code === PERCENT || code > DELETE) {
      return isSafeEncoded(path);
    } else if (code < 32 || code === BACKSLASH || code === DELETE) {
      return false;
    }
  }
  return !isDotSegment(path, segment, length);
}

/**
 * Whether `path` may be taken by a route with `encoded_slashes`: as {@linkcode isSafePath}, and `%2F` may be in
 * it. Neither an application that leaves it as it is nor one that decodes it can find a `.` or `..` as a segment;
 * empty segments are those that `%2F` makes (`/queues/%2F/name`), never raw ones. An escaped escape, `%252F`, stays
 * refused.
 */
export function isSafeWithSlashes(path: string): boolean {
  // Read twice: as part of a name, and as a separator.
  return isSafePath(path.replaceAll(ENCODED_SLASH, "_")) &&
    isSafePath(path.replaceAll(SEPARATORS, "/"));
}

const ENCODED_SLASH = /%2f/gi;
const SEPARATORS = /(?:\/|%2f)+/gi;

function isDotSegment(path: string, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > 2 || path.charCodeAt(start) !== DOT) return false;
  return length === 1 || path.charCodeAt(start + 1) === DOT;
}

/** Room for a path at the default URI limit of 8 KiB in UTF-8; a longer one gets an array of its own. */
const scratch = new Uint8Array(3 * 8192);
const encoder = new TextEncoder();

function isSafeEncoded(path: string): boolean {
  if (!path.isWellFormed()) return false;
  const bytes = path.length * 3 <= scratch.length ? scratch : new Uint8Array(path.length * 3);
  let length = encoder.encodeInto(path, bytes).written;
  for (let pass = 0;; pass++) {
    const reading = read(bytes, length);
    if (reading !== "escaped") return reading === "safe";
    if (pass === MAX_DECODE_PASSES) return false;
    length = decodeInPlace(bytes, length);
    if (length < 0) return false;
  }
}

/** Decodes once; -1 for a malformed escape or one that hides a separator. */
function decodeInPlace(bytes: Uint8Array, length: number): number {
  let to = 0;
  for (let from = 0; from < length; from++) {
    let byte = bytes[from];
    if (byte === PERCENT) {
      byte = escapedByte(bytes, from, length);
      // A backslash or control is found by the look at the whole; a slash would look like a raw one.
      if (byte < 0 || byte === SLASH) return -1;
      from += 2;
    }
    bytes[to++] = byte;
  }
  return to;
}

/**
 * The rules for a path as it stands, on bytes, with UTF-8 (RFC 3629) checked on the way; `escaped` when
 * it is safe so far but has escapes.
 */
function read(bytes: Uint8Array, length: number): "safe" | "escaped" | "unsafe" {
  let segment = 1;
  let escaped = false;
  for (let i = 1; i < length;) {
    const byte = bytes[i];
    if (byte === SLASH) {
      if (i === segment || isDots(bytes, segment, i)) return "unsafe";
      segment = ++i;
    } else if (byte < 128) {
      if (byte < 32 || byte === BACKSLASH || byte === DELETE) return "unsafe";
      if (byte === PERCENT) escaped = true;
      i++;
    } else {
      const size = sequenceLength(bytes, i, length);
      if (size === 0) return "unsafe";
      // U+0080 to U+009F are controls.
      if (byte === 0xc2 && bytes[i + 1] < 0xa0) return "unsafe";
      i += size;
    }
  }
  if (isDots(bytes, segment, length)) return "unsafe";
  return escaped ? "escaped" : "safe";
}

function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > 2 || bytes[start] !== DOT) return false;
  return length === 1 || bytes[start + 1] === DOT;
}

/** Bytes of the UTF-8 sequence at `at`, or 0 when it is not well formed. RFC 3629 section 4. */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + size > end) return 0;
  const second = bytes[at + 1];
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = at + 2; i < at + size; i++) if ((bytes[i] & 0xc0) !== 0x80) return 0;
  return size;
}
