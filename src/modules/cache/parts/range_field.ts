/**
 * The `Range` field with all of its ranges, for answers that are put together of stored parts (spec 04 section
 * 10.3).
 *
 * @module
 */
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";

/** Most ranges of one request. */
const MAX_RANGES = 128;
const MAX_FIELD_BYTES = 8 * 1024;

/** `a-b`, `a-` or `-n` as numbers; what is left out is `undefined`. */
export interface AskedRange {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** The ranges of a request's one field line; `undefined` for anything that is not a list of byte ranges. */
export function askedRanges(request: ReadonlyFields): readonly AskedRange[] | undefined {
  const value = request.count("range") === 1 ? request.get("range") ?? "" : "";
  if (value.length > MAX_FIELD_BYTES || value.slice(0, 6).toLowerCase() !== "bytes=") {
    return undefined;
  }
  const ranges: AskedRange[] = [];
  for (const item of value.slice(6).split(",")) {
    const range = readRange(item.trim());
    if (range === undefined || ranges.length === MAX_RANGES) return undefined;
    ranges.push(range);
  }
  return ranges;
}

function readRange(text: string): AskedRange | undefined {
  const match = /^([0-9]{0,15})-([0-9]{0,15})$/.exec(text);
  if (match === null) return undefined;
  const [first, last] = match.slice(1).map((digits) => digits === "" ? undefined : Number(digits));
  if (first === undefined && last === undefined) return undefined;
  return first !== undefined && last !== undefined && last < first ? undefined : { first, last };
}

/** What of a whole of `total` bytes is asked for, in the order of the request; what is past its end is left out. */
export function resolved(ranges: readonly AskedRange[], total: number): readonly ByteRange[] {
  const found: ByteRange[] = [];
  for (const { first, last } of ranges) {
    if (first === undefined) {
      const count = Math.min(last ?? 0, total);
      if (count > 0) found.push({ first: total - count, last: total - 1 });
    } else if (first < total) found.push({ first, last: Math.min(last ?? total - 1, total - 1) });
  }
  return found;
}
