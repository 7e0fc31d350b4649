/** `Content-Range` of answers with a part (RFC 9110 section 14.4). @module */
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";

/** A part, and how long the whole is. */
export interface ContentRange extends ByteRange {
  readonly total: number;
}

/** The part that an answer has; `undefined` where that is not said in one way, or the length of the whole is not. */
export function contentRange(fields: ReadonlyFields): ContentRange | undefined {
  const text = fields.count("content-range") === 1 ? fields.get("content-range") ?? "" : "";
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15})$/i.exec(text);
  if (match === null) return undefined;
  const [first, last, total] = match.slice(1).map(Number);
  return first <= last && last < total ? { first, last, total } : undefined;
}
