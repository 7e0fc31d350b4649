/**
 * The places of the parts of a cache index in its memory: a header, the pins of each thread, buckets, and slots.
 *
 * @module
 */

/** Most readers' and writers' pins of one thread. Past it a request is served without the cache. */
export const MAX_PINS = 16_384;
/** Most objects of one index. */
export const MAX_SLOTS: number = 2 ** 20;

// Words of the header.
export const LOCK = 0;
/** First free slot, plus one; slots that were ever used; the hand of the eviction. */
export const FREE_SLOT = 1;
export const USED_SLOTS = 2;
export const HAND = 3;
/** Slots that a lost thread was the last to hold: their blocks are still to be freed. */
export const ORPHANS = 4;
/** Number given to the last object. */
export const LAST_SERIAL = 5;
/** Seed of the hash. */
export const SEED = 6;
/** Counters of {@linkcode ACTIVITIES}, from here on. */
export const ACTIVITY = 16;
/** Not 0 while a change under the lock is under way. */
export const CHANGING = 40;
/** When something was last purged: a number of 64 bits, in units of those. */
export const PURGED: number = 21;
export const HEADER_WORDS = 64;

/** What an index counts, since it was made or its counters were reset. */
export const ACTIVITIES = [
  "hits",
  "misses",
  "stores",
  "storeRefusals",
  "evictions",
  "purges",
] as const;
/** One of these. */
export type Activity = typeof ACTIVITIES[number];

/** Words a slot. */
export const SLOT_WORDS = 40;

// Words of a slot.
/** Generation and references in one word. */
export const STATE = 0;
export const PHASE = 1;
/** Hash of the key without scheme and port, and of all of it. */
export const LOOSE_LOW = 2;
export const LOOSE_HIGH = 3;
export const EXACT_LOW = 4;
export const EXACT_HIGH = 5;
/** Variance: zero for an object that does not vary, and for a fill whose variance is not known yet. */
export const VARIANCE_LOW = 6;
export const VARIANCE_HIGH = 7;
/** Handle of the block with the head, and of the first one that lists the blocks of the body. */
export const META = 8;
export const META_GENERATION = 9;
export const MAP = 10;
export const MAP_GENERATION = 11;
/** Next slot of the bucket, plus one. */
export const NEXT = 12;
export const FLAGS = 13;
/** Changes whenever waiters should look again. */
export const PROGRESS = 14;
/** Thread that fills it, plus one. */
export const OWNER = 15;
/** Hash of the names of its variance. */
export const VARY_HASH = 16;
/** Unique among all objects of the index for a long time. */
export const SERIAL = 17;
/** Where in the block with the head the body begins; 0 where it has blocks of its own. */
export const INLINE_AT = 18;
/** KiB of all its blocks. */
export const UNITS = 19;

// Numbers of 64 bits, in units of those: from the 20th word on.
export const DATED = 10;
export const EXPIRES = 11;
export const WHILE_REVALIDATE = 12;
export const IF_ERROR = 13;
/** Bytes of the body; negative while not known. */
export const LENGTH = 14;
export const STORED = 15;
/** When its fill has last got on. */
export const ADVANCED = 16;
export const CREATED = 17;

// Phases.
export const FREE = 0;
/** Claimed by a request that asks the upstream; nothing is known yet. */
export const PENDING = 1;
/** Its head is there and its body is coming. */
export const FILLING = 2;
export const READY = 3;
/** Not to be found any more. */
export const DEAD = 4;
/** Dead, and the last that held it was lost. */
export const ORPHAN = 5;

// Flags.
/** Used since the hand has passed. */
export const USED = 1;
/** Purged while it was pending: it must not be stored. */
export const DOOMED = 2;
/** Of a fill that others do not wait for. */
export const SHADOW = 4;
/** Dead because its answer may not be stored or did not come: waiters go on by themselves. */
export const REFUSED = 8;

/** The index itself holds the slot: cleared by whichever thread gives that up. */
export const LINKED = 16;

export const REFERENCE_BITS = 20;
export const MAX_REFERENCES: number = 2 ** REFERENCE_BITS - 1;
export const GENERATIONS: number = 2 ** (32 - REFERENCE_BITS);

/** Where the parts of an index stand, in words. */
export interface Places {
  /** KiB that each thread has taken for bodies of unknown length that are still coming. */
  readonly unsized: number;
  readonly pins: number;
  readonly buckets: number;
  readonly bucketMask: number;
  readonly slots: number;
  readonly slotCount: number;
}

/** The places in an index with `slotCount` slots, a power of two. */
export function placesOf(slotCount: number, threads: number): Places {
  const unsized = HEADER_WORDS;
  const pins = unsized + threads;
  const buckets = pins + threads * MAX_PINS;
  const slots = Math.ceil((buckets + slotCount) / 2) * 2;
  return { unsized, pins, buckets, bucketMask: slotCount - 1, slots, slotCount };
}

/** Bytes of an index. */
export function bytesOf(slotCount: number, threads: number): number {
  const { slots } = placesOf(slotCount, threads);
  return 4 * (slots + slotCount * SLOT_WORDS);
}

/** How many slots a memory of `bytes` has. */
export function slotsIn(bytes: number, threads: number): number {
  let count = 1;
  while (count < MAX_SLOTS && bytesOf(count * 2, threads) <= bytes) count *= 2;
  return count;
}
