/**
 * Token buckets of many clients in one shared zone, exact across workers and without a lock.
 *
 * A bucket is one 64-bit word: the time at which it will be full again. What is missing from it, its
 * *debt*, is that time minus now; taking a token moves the time forward by the time one token takes to
 * come back. So a whole take is one compare-and-exchange that either succeeds on exactly the state it
 * was worked out from or is worked out again, and no worker ever waits for another.
 *
 * The table is open-addressed with linear probing. A slot's key is one 64-bit word too and is claimed,
 * and given up, by one compare-and-exchange:
 *
 * - IPv4 addresses are their own key. IPv6 addresses are hashed to 63 bits under a random key of the
 *   table; two of a full table of a million share a bucket with a chance of one in ten million.
 * - `EMPTY` ends a probe. A slot that was given up is `FREE`, which does not, so that entries behind it
 *   stay reachable; it never turns `EMPTY` again, and the probe limit keeps look-ups short all the same.
 * - `CLOSING` is the moment between giving up a key and `FREE`, while the bucket is reset.
 *
 * Two workers that insert one new address at the same moment race for the same first free slot, and
 * the loser finds the winner's entry. Only when a slot nearer to the start of the probe is given up
 * between the two probes can both succeed; the address then has one shadow bucket for its one request,
 * which ages out. An entry that expires at the very moment it is used again may lose that use. These are
 * the errors of the table: one request each, in races of nanoseconds.
 *
 * @module
 */
import { HalfSipHash } from "./half_siphash.ts";

/** Slots looked at for one address. With half of the slots in use a longer run does not occur. */
const PROBE_LIMIT = 128;
/** Slots that one insertion into a full table looks at for expired entries, besides its own probe. */
const PRUNE_SLOTS = 128;
/** How often an insertion starts over when other workers take the slot it wanted. */
const MAX_RETRIES = 8;

/**
 * How far a debt may be past the limit before it is taken for one of an earlier configuration. More than
 * the clocks of two workers can ever differ.
 */
const MAX_OVERDUE_NS = 60e9;

const HEADER_BYTES = 64;
/** Key, fill time (64 bits each), last use in seconds, and 32 spare bits. */
const SLOT_BYTES = 24;
/** Where in a slot the last use stands, in units of 32 bits. */
const LAST_USE = 4;

/** Header words, in units of 32 bits. */
const LIVE = 0;
const CURSOR = 1;
const SEED = 2;

const EMPTY = 0n;
const FREE = 1n;
const CLOSING = 2n;
/** The same as low words; their high word is zero, and that of a key never is. */
const EMPTY_WORD = 0;
const CLOSING_WORD = 2;

/** No slot: neither one that is in use nor the complement of one. */
const NONE = Number.MIN_SAFE_INTEGER;

/** High word of the key of an IPv4 address; the low word is the address. */
const IPV4 = 1;
/** High word of the one key that all unknown addresses share. */
const UNKNOWN = 2;
/** Set in the high word of every IPv6 key, clear in all others. */
const IPV6_BIT = 0x80000000 | 0;

/** Which 32-bit half of a 64-bit word holds its low bits on this machine. */
const LOW = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

const scratch = new BigInt64Array(1);
const scratchHalves = new Int32Array(scratch.buffer);
const oneWord = new Uint32Array(1);

/** Buckets by client address. All times are nanoseconds of one clock that all workers share. */
export class BucketTable {
  /** Bytes of a zone that holds `maxEntries` entries with half of its slots in use. */
  static bytes(maxEntries: number): number {
    return HEADER_BYTES + slotsFor(maxEntries) * SLOT_BYTES;
  }

  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #mask: number;
  readonly #maxEntries: number;
  readonly #ttlSecs: number;
  readonly #hash: HalfSipHash;
  #keyLow = 0;
  #keyHigh = 0;
  #home = 0;

  /**
   * @param buffer A zone of {@linkcode BucketTable.bytes} bytes, all zero when new.
   * @param maxEntries Most addresses kept.
   * @param ttlSecs Seconds without a request after which an address may be forgotten.
   */
  constructor(buffer: SharedArrayBuffer, maxEntries: number, ttlSecs: number) {
    // What the zone was made for, which a reload that was taken back may have made another size.
    const slots = (buffer.byteLength - HEADER_BYTES) / SLOT_BYTES;
    this.#maxEntries = maxEntries;
    this.#ttlSecs = ttlSecs;
    this.#words = new Int32Array(buffer);
    this.#longs = new BigInt64Array(buffer);
    this.#mask = slots - 1;
    this.#hash = new HalfSipHash(this.#seed(SEED), this.#seed(SEED + 1));
  }

  /** Addresses in the table. */
  get size(): number {
    return Atomics.load(this.#words, LIVE);
  }

  /**
   * The slot of an address, or -1 when it has none.
   *
   * @param family 4 or 6, or 0 for an unknown address: all of these share one slot.
   * @param words The address as `parseIp` gives it.
   */
  find(family: 0 | 4 | 6, words: Uint32Array): number {
    this.#setKey(family, words);
    return this.#probe();
  }

  /** The slot of an address, made if need be with a full bucket; -1 when the table is full. */
  findOrAdd(family: 0 | 4 | 6, words: Uint32Array, now: number): number {
    this.#setKey(family, words);
    const found = this.#probe();
    return found >= 0 ? found : this.#add(now);
  }

  /** What is missing from the bucket of `slot`, as the nanoseconds it takes to come back. */
  debt(slot: number, now: number): number {
    return Math.max(0, Number(Atomics.load(this.#longs, longOf(slot) + 1)) - now);
  }

  /**
   * Takes from the bucket of `slot` if it then owes at most `limit`.
   *
   * @param cost Nanoseconds one token takes to come back, a whole number: so no rounding ever adds up.
   * @param limit Most debt allowed, in nanoseconds, a whole number.
   * @returns The debt with this token taken, positive; or, negated, the time until taking will be allowed.
   */
  take(slot: number, now: number, cost: number, limit: number): number {
    this.#touch(slot, now);
    const at = longOf(slot) + 1;
    let seen = Atomics.load(this.#longs, at);
    for (;;) {
      const owed = Math.max(0, Number(seen) - now);
      const debt = owed + cost;
      if (debt > limit) {
        if (owed <= limit + MAX_OVERDUE_NS) return limit - debt;
        // A reload that shrank the burst left a debt that no take of this policy can have made.
        const cut = BigInt(now + limit);
        if (Atomics.compareExchange(this.#longs, at, seen, cut) === seen) return -cost;
      } else if (Atomics.compareExchange(this.#longs, at, seen, BigInt(now + debt)) === seen) {
        return debt;
      }
      seen = Atomics.load(this.#longs, at);
    }
  }

  #setKey(family: 0 | 4 | 6, words: Uint32Array): void {
    if (family === 6) {
      this.#hash.hash(words, 4);
      this.#keyLow = this.#hash.low;
      this.#keyHigh = this.#hash.high | IPV6_BIT;
    } else {
      oneWord[0] = family === 4 ? words[0] : 0;
      this.#hash.hash(oneWord, 1);
      this.#keyLow = oneWord[0] | 0;
      this.#keyHigh = family === 4 ? IPV4 : UNKNOWN;
    }
    this.#home = this.#hash.low & this.#mask;
  }

  /** The slot that holds the current key, or -1. */
  #probe(): number {
    const words = this.#words;
    for (let i = 0; i < PROBE_LIMIT; i++) {
      const slot = (this.#home + i) & this.#mask;
      const at = wordOf(slot);
      const low = Atomics.load(words, at + LOW);
      const high = Atomics.load(words, at + HIGH);
      if (low === this.#keyLow && high === this.#keyHigh) return slot;
      if (low === 0 && high === 0) return -1;
    }
    return -1;
  }

  #add(now: number): number {
    if (!this.#reserve(now)) return -1;
    scratchHalves[LOW] = this.#keyLow;
    scratchHalves[HIGH] = this.#keyHigh;
    const key = scratch[0];
    for (let retry = 0; retry < MAX_RETRIES; retry++) {
      const slot = this.#probeOrFree();
      if (slot === NONE) {
        if (this.#prune(this.#home, PROBE_LIMIT, now) > 0) continue;
        break;
      }
      if (slot >= 0) {
        Atomics.sub(this.#words, LIVE, 1);
        return slot;
      }
      // Before the key appears: nobody may take the last owner's time for this entry's.
      this.#touch(~slot, now);
      const at = longOf(~slot);
      if (
        Atomics.compareExchange(this.#longs, at, EMPTY, key) === EMPTY ||
        Atomics.compareExchange(this.#longs, at, FREE, key) === FREE
      ) return ~slot;
    }
    Atomics.sub(this.#words, LIVE, 1);
    return -1;
  }

  /** Counts one entry more, if there is room for it or an expired one goes. */
  #reserve(now: number): boolean {
    const words = this.#words;
    if (Atomics.add(words, LIVE, 1) < this.#maxEntries) return true;
    Atomics.sub(words, LIVE, 1);
    const cursor = Atomics.add(words, CURSOR, PRUNE_SLOTS);
    if (this.#prune(this.#home, PROBE_LIMIT, now) + this.#prune(cursor, PRUNE_SLOTS, now) === 0) {
      return false;
    }
    if (Atomics.add(words, LIVE, 1) < this.#maxEntries) return true;
    Atomics.sub(words, LIVE, 1);
    return false;
  }

  /**
   * The slot of the current key, or the complement of the first that is not in use, or `NONE`. One pass
   * for both: an entry that another worker makes after this pass saw its slot unused must be in the very
   * slot that this pass chooses, and is found when claiming it fails.
   */
  #probeOrFree(): number {
    const words = this.#words;
    let free = NONE;
    for (let i = 0; i < PROBE_LIMIT; i++) {
      const slot = (this.#home + i) & this.#mask;
      const at = wordOf(slot);
      const low = Atomics.load(words, at + LOW);
      const high = Atomics.load(words, at + HIGH);
      if (low === this.#keyLow && high === this.#keyHigh) return slot;
      if (high !== 0 || low === CLOSING_WORD) continue;
      if (free === NONE) free = ~slot;
      if (low === EMPTY_WORD) break;
    }
    return free;
  }

  /** Gives up the expired entries among `count` slots from `start` on; tells how many there were. */
  #prune(start: number, count: number, now: number): number {
    const oldest = Math.floor(now / 1e9) - this.#ttlSecs;
    const words = this.#words;
    let pruned = 0;
    for (let i = 0; i < count; i++) {
      const slot = (start + i) & this.#mask;
      const half = wordOf(slot);
      // Reads of 32 bits sort out nearly all slots cheaply.
      if (Atomics.load(words, half + HIGH) === 0) continue;
      if (Atomics.load(words, half + LAST_USE) >= oldest) continue;
      const at = longOf(slot);
      const key = Atomics.load(this.#longs, at);
      if (key === EMPTY || key === FREE || key === CLOSING) continue;
      // Again, after the key: the slot may have changed hands between the two reads above.
      if (Atomics.load(words, half + LAST_USE) >= oldest) continue;
      if (Atomics.compareExchange(this.#longs, at, key, CLOSING) !== key) continue;
      Atomics.store(this.#longs, at + 1, 0n);
      Atomics.store(this.#longs, at, FREE);
      Atomics.sub(words, LIVE, 1);
      pruned++;
    }
    return pruned;
  }

  #touch(slot: number, now: number): void {
    const at = wordOf(slot) + LAST_USE;
    const secs = Math.floor(now / 1e9);
    // Read first: most requests of a busy client would only write what is there.
    if (Atomics.load(this.#words, at) !== secs) Atomics.store(this.#words, at, secs);
  }

  /** A random word that all workers agree on: the first to ask writes it. */
  #seed(word: number): number {
    const random = crypto.getRandomValues(new Int32Array(1))[0] | 1;
    Atomics.compareExchange(this.#words, word, 0, random);
    return Atomics.load(this.#words, word);
  }
}

/** A power of two that leaves half of the slots unused, and never fewer than one probe looks at. */
function slotsFor(maxEntries: number): number {
  return Math.max(PROBE_LIMIT, 2 ** Math.ceil(Math.log2(maxEntries * 2)));
}

function longOf(slot: number): number {
  return (HEADER_BYTES + slot * SLOT_BYTES) >>> 3;
}

function wordOf(slot: number): number {
  return (HEADER_BYTES + slot * SLOT_BYTES) >>> 2;
}
