/**
 * Which content coding a client wants, read strictly: a field that is not wholly understood asks for
 * nothing, so that no client is sent what it did not clearly ask for (spec 02 section 12, RFC 9110
 * section 12.5.3).
 *
 * @module
 */
import { isToken } from "../chars.ts";
import type { ReadonlyFields } from "../fields.ts";

/** A weight: 0 to 1 with at most three decimals. */
const QVALUE = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** Longest field looked at; browsers send some thirty bytes. */
const MAX_FIELD_BYTES = 1024;

/**
 * The codings among `available` that `field` accepts, best first.
 *
 * @param field `Accept-Encoding`, several lines joined by commas.
 * @param available Codings in lower case, the preferred one first where weights are equal.
 * @returns None when the field is malformed, or likes `identity` better than all of them.
 */
export function acceptedCodings(field: string, available: readonly string[]): string[] {
  const weights = readWeights(field);
  if (weights === undefined) return [];
  const others = weights.get("*") ?? 0;
  const weightOf = (coding: string): number => weights.get(coding) ?? others;
  // Not named, it is merely acceptable; named, it competes.
  const identity = weights.get("identity") ?? 0;
  return available
    .filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= identity)
    .sort((a, b) => weightOf(b) - weightOf(a));
}

/** Most fields whose meaning is remembered; the browsers of a day send a few dozen different ones. */
const MAX_REMEMBERED = 64;

const NONE: readonly string[] = [];

/** {@linkcode acceptedCodings} for one set of codings, remembering the fields that come again and again. */
export class CodingChoice {
  readonly #available: readonly string[];
  readonly #remembered = new Map<string, readonly string[]>();

  /** @param available As for {@linkcode acceptedCodings}. */
  constructor(available: readonly string[]) {
    this.#available = available;
  }

  /** The codings a request accepts, best first; none when it does not say. */
  of(request: ReadonlyFields): readonly string[] {
    const field = request.joined("accept-encoding");
    if (field === undefined) return NONE;
    let codings = this.#remembered.get(field);
    if (codings === undefined) {
      codings = acceptedCodings(field, this.#available);
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(field, codings);
    }
    return codings;
  }
}

/** Weights by coding in lower case; `undefined` when any member is malformed. */
function readWeights(field: string): ReadonlyMap<string, number> | undefined {
  if (field.length > MAX_FIELD_BYTES) return undefined;
  const weights = new Map<string, number>();
  for (const member of field.split(",")) {
    const [name, parameter, ...more] = member.split(";");
    const coding = trim(name).toLowerCase();
    if (!isToken(coding) || weights.has(coding) || more.length > 0) return undefined;
    let weight = 1;
    if (parameter !== undefined) {
      const text = trim(parameter);
      if (!/^q=/i.test(text) || !QVALUE.test(text.slice(2))) return undefined;
      weight = Number(text.slice(2));
    }
    weights.set(coding, weight);
  }
  return weights;
}

/** Without spaces and tabs around it. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}
