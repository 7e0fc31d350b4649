/**
 * Variants: which request fields an answer was chosen by, and what a request has in them (spec 04 section 4.2).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isToken, trimBlanks } from "../../../http/chars.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";

const MAX_BYTES = 2048;
const MAX_FIELDS = 16;

/** Each client has its own: an answer that was chosen by one of them is for that client alone. */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Why an answer has no variant to be stored under. */
export type VaryRefusal =
  | "vary-star"
  | "vary-invalid"
  | "vary-too-large"
  | "vary-too-many-fields"
  | "vary-sensitive-field";

/**
 * The fields that an answer was chosen by: those of its `Vary` and `always`, sorted.
 *
 * @param always Lower case.
 * @param perRequest Fields that the gateway makes anew for each request: an answer chosen by one of them
 * fits no other request.
 */
export function varyFields(
  answer: ReadonlyFields,
  always: readonly string[],
  perRequest: ReadonlySet<string>,
): readonly string[] | VaryRefusal {
  const { names, values } = answer;
  const found = new Set(always);
  let bytes = 0;
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== "vary") continue;
    bytes += values[i].length;
    if (bytes > MAX_BYTES) return "vary-too-large";
    for (const item of values[i].split(",")) {
      const name = trimBlanks(item).toLowerCase();
      if (name === "*" || perRequest.has(name)) return "vary-star";
      if (!isToken(name)) return "vary-invalid";
      if (SENSITIVE.has(name)) return "vary-sensitive-field";
      found.add(name);
    }
  }
  if (found.size > MAX_FIELDS) return "vary-too-many-fields";
  return found.size === 0 ? NONE : [...found].sort();
}

const NONE: readonly string[] = [];

/** Hash of no fields. */
export const NO_VARIANCE: Uint8Array = new Uint8Array(0);

/**
 * SHA-256 of what a request has in `fields`; nothing for no fields. A field in one line `a, b` and the same in
 * two lines are two variants.
 *
 * @param request As the upstream sees it.
 */
export function varianceOf(fields: readonly string[], request: ReadonlyFields): Uint8Array {
  if (fields.length === 0) return NO_VARIANCE;
  const hash = createHash("sha256");
  hash.update("fluxheim-vary-v2");
  for (const name of fields) {
    const lines = request.all(name);
    hash.update(`;${name.length}:${name};${lines.length}`);
    for (const line of lines) hash.update(`;${line.length}:`).update(line, "latin1");
  }
  return new Uint8Array(hash.digest());
}
