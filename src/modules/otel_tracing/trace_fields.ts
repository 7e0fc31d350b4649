/**
 * The fields of W3C Trace Context (spec 06 section C2): strict readers, and new ids.
 *
 * @module
 */

/** What a `traceparent` says. */
export interface Traceparent {
  /** Lower case. */
  readonly traceId: string;
  readonly parentId: string;
  readonly isSampled: boolean;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/i;
const LENGTH = 55;

/** What `text` says, or `undefined` where it is not of version 00 and valid. */
export function readTraceparent(text: string): Traceparent | undefined {
  const trimmed = text.trim();
  if (trimmed.length !== LENGTH) return undefined;
  const found = TRACEPARENT.exec(trimmed);
  if (found === null) return undefined;
  const traceId = found[1].toLowerCase();
  const parentId = found[2].toLowerCase();
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, isSampled: (parseInt(found[3], 16) & 1) === 1 };
}

/** Most characters that are passed on; what is longer loses members. */
const MAX_STATE = 512;
/** Most members of a list. */
const MAX_MEMBERS = 32;
/** A longer member goes first where the whole is too long. */
const LONG_MEMBER = 128;

const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * The `tracestate` that goes on, of the lines that came: as it was, unless it is too long.
 *
 * @returns `""` where it is not valid; the trace goes on without it.
 */
export function tracestateOf(lines: readonly string[]): string {
  const members = lines.join(",").split(",").map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((member) => member !== "");
  if (members.length === 0 || members.length > MAX_MEMBERS) return "";
  const keys = new Set<string>();
  for (const member of members) {
    const equals = member.indexOf("=");
    const key = member.slice(0, equals);
    if (equals < 0 || !KEY.test(key) || !VALUE.test(member.slice(equals + 1))) return "";
    keys.add(key);
  }
  if (keys.size < members.length) return "";
  return shortened(members).join(",");
}

function shortened(members: readonly string[]): readonly string[] {
  let left = members;
  if (lengthOf(left) > MAX_STATE) left = left.filter(({ length }) => length <= LONG_MEMBER);
  while (lengthOf(left) > MAX_STATE) left = left.slice(0, -1);
  return left;
}

function lengthOf(members: readonly string[]): number {
  return members.reduce((sum, { length }) => sum + length + 1, -1);
}

const POOL_BYTES = 4096;

/** Ids of nothing but zeros are invalid. */
const ZEROS = "0".repeat(32);

/** Random ids; one call for randomness, and for digits, serves many. */
export class RandomIds {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #digits = "";
  #used = 0;

  /** Lower-case hexadecimal digits, two for each of `bytes`; never all zero. */
  next(bytes: 8 | 16): string {
    const length = 2 * bytes;
    if (this.#used + length > this.#digits.length) {
      this.#digits = crypto.getRandomValues(this.#pool).toHex();
      this.#used = 0;
    }
    const id = this.#digits.slice(this.#used, this.#used + length);
    this.#used += length;
    return ZEROS.startsWith(id) ? this.next(bytes) : id;
  }
}

/** Digits of an id that a ratio is compared with: 52 bits are exact in a number. */
const RATIO_DIGITS = 13;

/** Whether a trace is among the part `ratio` of all; every hop that asks decides alike. */
export function isWithin(ratio: number, traceId: string): boolean {
  if (ratio >= 1) return true;
  return parseInt(traceId.slice(-RATIO_DIGITS), 16) < ratio * 16 ** RATIO_DIGITS;
}
