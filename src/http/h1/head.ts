/**
 * The message head of HTTP/1: what request and response heads have in common, and how field lines are
 * read. Strict by RFC 9112 and spec 01 section 3: CRLF ends a line and nothing else does, no folding,
 * no white space before the colon.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { RefusalKind } from "../exchange.ts";
import type { Fields } from "../fields.ts";
import { fieldName } from "../names.ts";
import { FIELD_VALUE, TOKEN } from "../chars.ts";

const CR = 13;
const LF = 10;
const COLON = 58;
const SPACE = 32;
const TAB = 9;

export { MAX_FIELD_LINE_BYTES } from "../head_limits.ts";

/** A head that cannot be accepted. */
export interface HeadProblem {
  readonly status: 400 | 413 | 414 | 431;
  /** For the log and for tests; never sent to the client. */
  readonly reason: string;
  readonly kind?: RefusalKind;
}

/** A problem as a value, made once for each place that reports it. */
export function headProblem(status: 400 | 413 | 414 | 431, reason: string): HeadProblem {
  return { status, reason };
}

/**
 * Looks for the first CRLFCRLF, which ends a head.
 *
 * @param from Where to start: the first byte not looked at before, less three.
 * @returns Index after it, or -1.
 */
export function findHeadEnd(bytes: Uint8Array, from: number, end: number): number {
  // Every fourth byte: CRLFCRLF is four long and has nothing but CR and LF in it, so one of them is hit.
  for (let i = from + 3; i < end; i += 4) {
    const byte = bytes[i];
    if (byte !== LF && byte !== CR) continue;
    for (let last = i; last <= i + 3 && last < end; last++) {
      if (isHeadEnd(bytes, last)) return last + 1;
    }
  }
  return -1;
}

/** Whether the CRLFCRLF that ends a head ends at `last`. */
function isHeadEnd(bytes: Uint8Array, last: number): boolean {
  return bytes[last] === LF && bytes[last - 1] === CR && bytes[last - 2] === LF &&
    bytes[last - 3] === CR;
}

/**
 * Whether a line of an incomplete head ends with LF alone.
 *
 * @param from Where to start: the first byte not looked at before, or one in front of it.
 */
export function hasBareLf(bytes: Uint8Array, from: number, end: number): boolean {
  for (let lf = bytes.indexOf(LF, from); lf >= 0 && lf < end; lf = bytes.indexOf(LF, lf + 1)) {
    if (bytes[lf - 1] !== CR) return true;
  }
  return false;
}

/** The text of a head, one character a byte. */
export function headText(bytes: Uint8Array, start: number, end: number): string {
  return asBuffer(bytes).toString("latin1", start, end);
}

export const UNTERMINATED = headProblem(400, "a field line does not end with CRLF");
export const FOLDED = headProblem(400, "a line starts with white space (obsolete folding)");
export const BAD_NAME = headProblem(400, "a field name is not a token followed by a colon");
export const BAD_VALUE = headProblem(400, "a field value has a control byte");
export const LONG_LINE = headProblem(431, "a field line is too long");
const TOO_MANY = headProblem(431, "too many field lines");

/** A tab after a field's value is white space like any, and yet common parsers refuse it after a length. */
const TAB_BEHIND_LENGTH = headProblem(400, "Content-Length has a tab behind its number");

/** Whether there is a tab in `bytes[start, end)`. */
function hasTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === TAB) return true;
  return false;
}

/**
 * Reads field lines into `fields`.
 *
 * @param bytes Holds the head; `text` is the same bytes from `textStart` on, as characters.
 * @param at Index of the first field line.
 * @param end Index after the head's last CRLF.
 * @returns What is wrong, or `undefined`.
 */
export function readFieldLines(
  bytes: Uint8Array,
  text: string,
  textStart: number,
  at: number,
  end: number,
  maxLineBytes: number,
  maxFields: number,
  fields: Fields,
): HeadProblem | undefined {
  const last = end - 2;
  let count = 0;
  while (at < last) {
    const lineStart = at;
    const first = bytes[at];
    if (first === SPACE || first === TAB) return FOLDED;
    while (TOKEN[bytes[at]] === 1) at++;
    if (bytes[at] !== COLON || at === lineStart) return BAD_NAME;
    const nameEnd = at++;
    while (bytes[at] === SPACE || bytes[at] === TAB) at++;
    const valueStart = at;
    while (FIELD_VALUE[bytes[at]] === 1) at++;
    if (bytes[at] !== CR) return BAD_VALUE;
    if (bytes[at + 1] !== LF) return UNTERMINATED;
    if (at - lineStart > maxLineBytes) return LONG_LINE;
    if (++count > maxFields) return TOO_MANY;
    let valueEnd = at;
    while (
      valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)
    ) valueEnd--;
    const name = fieldName(bytes, lineStart, nameEnd, text, textStart);
    if (name === "content-length" && hasTab(bytes, valueEnd, at)) return TAB_BEHIND_LENGTH;
    fields.append(name, text.substring(valueStart - textStart, valueEnd - textStart));
    at += 2;
  }
  return undefined;
}

/**
 * Writes text as bytes, one byte a character; `obs-text` leaves as the byte it was. There
 * must be room for it.
 *
 * @returns Index after the text.
 */
export function putText(text: string, into: Uint8Array, at: number): number {
  const { length } = text;
  if (length > LOOP_CHARS) {
    const { read, written } = encoder.encodeInto(text, into.subarray(at, at + length));
    // As many bytes as characters: there was nothing but ASCII.
    if (read === length && written === length) return at + length;
  }
  for (let i = 0; i < length; i++) into[at + i] = text.charCodeAt(i);
  return at + length;
}

/** Up to this many characters a loop is faster than a call into the runtime. */
const LOOP_CHARS = 96;
const encoder = new TextEncoder();
const views = new WeakMap<Uint8Array, Buffer>();

/** `bytes` under node's name, which reads and writes latin1 without a decoder object. */
function asBuffer(bytes: Uint8Array): Buffer {
  let view = views.get(bytes);
  if (view === undefined) {
    view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    views.set(bytes, view);
  }
  return view;
}
