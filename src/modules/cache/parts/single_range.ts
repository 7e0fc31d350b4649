/**
 * Single ranges that are stored by themselves (spec 04 section 10.2): an object of its own for each pair of
 * positions, found under the key of the whole, so that a purge of that takes it as well.
 *
 * @module
 */
import type { ClientRequest } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import type { Lookup } from "../lookup/decision.ts";
import { withFields } from "../fill/fill_request.ts";
import { component } from "../key/key.ts";
import type { CacheIndex } from "../store/index.ts";
import { READY, USED } from "../store/slot_words.ts";
import { askedRanges } from "./range_field.ts";

/** Most ranges of one key that are stored; past it one goes that was not used lately. */
const MAX_STORED = 64;

/** The one closed range of a request that may be stored by itself; `undefined` for any other. */
export function singleRange(request: ClientRequestLike, maxBytes: number): ByteRange | undefined {
  if (request.has("if-range")) return undefined;
  const ranges = askedRanges(request);
  if (ranges === undefined || ranges.length !== 1) return undefined;
  const { first, last } = ranges[0];
  if (first === undefined || last === undefined || last - first >= maxBytes) return undefined;
  return { first, last };
}

type ClientRequestLike = Parameters<typeof askedRanges>[0];

/** The look-up of a range. */
export function rangeLookup(lookup: Lookup, { first, last }: ByteRange, index: CacheIndex): Lookup {
  const part = component("range", `bytes=${first}-${last}`);
  const { loose, identity: { scheme, port } } = lookup;
  return { ...lookup, part, range: { first, last }, key: index.hash(loose, scheme, port, part) };
}

/** The request for it. */
export function rangeRequest(request: ClientRequest, { first, last }: ByteRange): ClientRequest {
  const { names, values } = request.fields;
  const fields = new Fields(names.slice(), values.slice());
  fields.set("range", `bytes=${first}-${last}`);
  return withFields(request, fields);
}

/** Makes room among the ranges of a key, of which a client can ask for any number. */
export function trimRanges(lookup: Lookup, index: CacheIndex): void {
  const stored: number[] = [];
  for (const slot of index.slotsOf(lookup.key)) if (index.phase(slot) === READY) stored.push(slot);
  if (stored.length < MAX_STORED) return;
  const victim = stored.find((slot) => (index.flags(slot) & USED) === 0) ?? stored.at(-1)!;
  const held = index.hold(victim);
  if (held === undefined) return;
  if (index.phase(victim) === READY) index.remove(victim, held.generation);
  index.release(held);
}
