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

/**
 * Reads a `Range` field with several ranges.
 *
 * @param most Bound on their number.
 * @returns Those that are satisfiable, in the order asked for, one or more; `unsatisfiable` where none is;
 * `undefined` where the whole is to be sent: too many, ranges that overlap, a broken one among them (RFC 9110
 * section 14.2).
 */
export function parseRanges(
  value: string,
  length: number,
  most: number,
): readonly ByteRange[] | "unsatisfiable" | undefined {
  const found: ByteRange[] = [];
  let at = UNIT.length;
  for (let seen = 0; at <= value.length; seen++) {
    if (seen === most) return undefined;
    const comma = value.indexOf(",", at);
    const end = comma < 0 ? value.length : comma;
    const range = parseRange(UNIT + value.slice(at, end).trim(), length);
    if (range === "invalid" || range === "several") return undefined;
    if (range !== "unsatisfiable") {
      if (found.some(({ first, last }) => range.first <= last && first <= range.last)) {
        return undefined;
      }
      found.push(range);
    }
    at = end + 1;
  }
  return found.length === 0 ? "unsatisfiable" : found;
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
