/**
 * The `Range` field (RFC 9110 section 14.1), byte ranges only.
 *
 * @module
 */

/** A part of a representation: both positions are inclusive, from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What a `Range` field asks of a representation:
 *
 * - one satisfiable range;
 * - `several` ranges, which a server may answer with the whole;
 * - `unsatisfiable`: well-formed, but nothing of it is there;
 * - `invalid`: another unit, or not a range at all.
 */
export type RangeRequest = ByteRange | "several" | "unsatisfiable" | "invalid";

/** `bytes=`, compared without regard to case. */
const UNIT = "bytes=";

/**
 * Reads a `Range` field against a representation of `length` bytes.
 *
 * @param value The field's value; several field lines joined by a comma.
 */
export function parseRange(value: string, length: number): RangeRequest {
  if (value.slice(0, UNIT.length).toLowerCase() !== UNIT) return "invalid";
  if (value.includes(",")) return "several";
  const dash = value.indexOf("-", UNIT.length);
  if (dash < 0) return "invalid";
  const first = position(value, UNIT.length, dash);
  const last = position(value, dash + 1, value.length);
  if (first === undefined || last === undefined) return "invalid";
  if (first === ABSENT) {
    if (last === ABSENT) return "invalid";
    if (last === 0 || length === 0) return "unsatisfiable";
    return { first: Math.max(0, length - last), last: length - 1 };
  }
  if (last !== ABSENT && last < first) return "invalid";
  if (first >= length) return "unsatisfiable";
  return { first, last: last === ABSENT ? length - 1 : Math.min(last, length - 1) };
}

/** No digits where a position may be left out. */
const ABSENT = -1;

/**
 * The number between two places, {@linkcode ABSENT} when they are the same, `undefined` when it is not
 * all digits. One too large to be exact stays larger than any length, which is all that is asked of it.
 */
function position(text: string, from: number, to: number): number | undefined {
  if (from === to) return ABSENT;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
