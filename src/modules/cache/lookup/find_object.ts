/** Looks in the memory tier for what a request asks for. @module */
import type { ClientRequest } from "../../../http/client.ts";
import type { Cache } from "../cache.ts";
import type { Delivered } from "../answer/delivery.ts";
import { varianceOf } from "../key/vary.ts";
import { type CacheIndex, UNVARIED, type VarianceHash, varianceHash } from "../store/index.ts";
import { READY, VARIANCE_HIGH, VARIANCE_LOW } from "../store/slot_words.ts";
import type { Asked, Found } from "./task.ts";

const NOT_FOUND = { variance: UNVARIED };

/**
 * The object for `asked`, complete, whether it is fresh or not; and its variance, as far as it is known which
 * fields it depends on.
 */
export function findObject(
  cache: Cache,
  { lookup, request }: Asked,
): { readonly found?: Found; readonly variance: VarianceHash } {
  const { store } = cache.parts;
  const { index } = store;
  const any = index.find(lookup.key, undefined);
  if (any === undefined) return NOT_FOUND;
  const object = store.meta(any.slot);
  if (object === undefined || !cache.isFor(object, lookup)) {
    index.release(any);
    return NOT_FOUND;
  }
  const variance = varianceFor(object.meta.vary, request);
  const isThis = index.phase(any.slot) === READY && hasVariance(index, any.slot, variance);
  if (isThis) return { found: { held: any, object }, variance };
  index.release(any);
  const held = index.find(lookup.key, variance);
  if (held === undefined) return { variance };
  const own = index.phase(held.slot) === READY ? store.meta(held.slot) : undefined;
  if (own !== undefined && cache.isFor(own, lookup)) {
    return { found: { held, object: own }, variance };
  }
  index.release(held);
  return { variance };
}

/** The answer with an object that is fresh, or is becoming it. */
export function hit(cache: Cache, { exchange }: Asked, { held, object }: Found): Delivered {
  const { store, events } = cache.parts;
  store.index.touch(held.slot);
  store.index.count("hits");
  events.hit.count();
  return cache.delivered(exchange, held, object, "HIT");
}

/** The variance of a request by these fields. */
export function varianceFor(vary: readonly string[], { fields }: ClientRequest): VarianceHash {
  return vary.length === 0 ? UNVARIED : varianceHash(varianceOf(vary, fields));
}

/** Whether what `slot` has is of this variance. */
export function hasVariance(
  index: CacheIndex,
  slot: number,
  { low, high }: VarianceHash,
): boolean {
  const at = index.at(slot);
  return index.words[at + VARIANCE_LOW] === low && index.words[at + VARIANCE_HIGH] === high;
}
