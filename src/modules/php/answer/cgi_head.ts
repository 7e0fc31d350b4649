/**
 * The head of a script's answer (RFC 3875 section 6.2), read from bytes: field values go on as they came,
 * bytes above 127 included, and nothing in them can begin another line.
 *
 * @module
 */
import { isToken } from "../../../http/chars.ts";
import { Fields } from "../../../http/fields.ts";

/** A head that was read. */
export interface CgiHead {
  readonly status: number;
  /** Without `status`. */
  readonly fields: Fields;
  /** Where the body begins. */
  readonly end: number;
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DELETE = 127;

/** Most lines of a head. */
const MAX_LINES = 1024;

/**
 * Where the head in `bytes` ends.
 *
 * @param from Where the last look ended.
 * @returns The place after the empty line, or -1 while it has not come.
 */
export function headEnd(bytes: Uint8Array, from: number, length: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < length; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0) return 1;
    if (bytes[at - 1] === LF) return at + 1;
    if (bytes[at - 1] !== CR) continue;
    if (at === 1 || bytes[at - 2] === LF) return at + 1;
  }
  return -1;
}

/**
 * Reads a whole head, which ends at `end`.
 *
 * @returns Why it is not one, as the rest of a sentence, where it is malformed.
 */
export function readCgiHead(bytes: Uint8Array, end: number): CgiHead | string {
  const fields = new Fields();
  let status = 200;
  for (let at = 0, lines = 0; at < end;) {
    const lineEnd = bytes.indexOf(LF, at);
    const stop = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (stop === at) break;
    if (++lines > MAX_LINES) return "its head has too many lines";
    const colon = bytes.indexOf(COLON, at);
    if (colon < 0 || colon >= stop) return "a line of its head has no colon";
    const name = textOf(bytes, at, colon).toLowerCase();
    if (!isToken(name)) return "a line of its head has no field name";
    const value = readValue(bytes, colon + 1, stop);
    if (value === undefined) return `its field ${name} has a control character`;
    at = lineEnd + 1;
    if (name !== "status") fields.append(name, value);
    else {
      const given = readStatus(value);
      if (given === undefined) {
        return `its status "${value.slice(0, 32)}" is not one from 200 to 599`;
      }
      status = given;
    }
  }
  return { status, fields, end };
}

/** Trimmed; `undefined` for one with a control character in it. */
function readValue(bytes: Uint8Array, start: number, end: number): string | undefined {
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if ((byte < SPACE && byte !== TAB) || byte === DELETE) return undefined;
  }
  return textOf(bytes, start, end);
}

/** The first word of `Status`. Interim answers are none that a script can give. */
function readStatus(value: string): number | undefined {
  const word = /^\d{3}(?=[ \t]|$)/.exec(value)?.[0];
  const status = Number(word);
  return word !== undefined && status >= 200 && status <= 599 ? status : undefined;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** A character for each byte. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
