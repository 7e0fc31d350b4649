/**
 * The kind `table`: entries by key in one shared memory, exact across threads and without a lock. Open
 * addressing with linear probing; bounded; entries that were not used for a while make room for new ones.
 *
 * A key has 128 bits. Keys that strangers choose are hashed under a random key of the table, so nothing
 * outside can make two of them meet. Small known values can be their own key.
 *
 * The first half of a key is one 64-bit word, which is claimed, and given up, by one compare-and-exchange:
 *
 * - `EMPTY` ends a probe. A slot that was given up is `FREE`, which does not, so that entries after it stay
 *   reachable; it never turns `EMPTY` again, and the probe limit keeps look-ups short all the same.
 * - `CLOSING`, plus the index of the thread, is the moment between giving up a key and `FREE`, while values are
 *   reset. The keeper ends it for a lost thread.
 *
 * The second half is written after the first; a probe that comes between waits for it a moment.
 *
 * Two threads that insert one new key at the same moment race for the same first free slot, and the loser
 * finds the winner's entry. Only when a slot nearer to the start of the probe is given up between the two
 * probes can both succeed; the key then has one shadow entry for its one use, which ages out. An entry that
 * expires at the very moment it is used again may lose that use. These are the errors of the table: one use
 * each, in races of nanoseconds.
 *
 * A thread that is lost while it inserts can leave a key without its second half, which ages out, or room that
 * is counted and not used, which the keeper counts anew.
 *
 * @module
 */
import { HalfSipHash } from "./half_siphash.ts";
import { KEEPER, type Layout } from "./layout.ts";

/** Slots looked at for one key. With half of the slots in use a longer run does not occur. */
const PROBE_LIMIT = 128;
/** Slots that one insertion into a full table looks at for expired entries, besides its own probe. */
const PRUNE_SLOTS = 128;
/** How often an insertion starts over when other threads take the slot it wanted. */
const MAX_RETRIES = 8;
/** Looks at the second half of a key that another thread is about to write. */
const MAX_LOOKS = 1000;
/** Attempts of the keeper to count entries while none comes or goes. */
const MAX_COUNTS = 8;

const HEADER_BYTES = 64;
/** Key (128 bits), last use in seconds, and 32 spare bits; values come after these. */
const KEY_BYTES = 24;
/** Where in a slot its parts stand: in units of 32 bits ... */
const SECOND = 2;
const LAST_USE = 4;
/** ... and of 64 bits. */
const SECOND_LONG = 1;
const FIRST_VALUE = 3;

/** Header words, in units of 32 bits. */
const LIVE = 0;
const CURSOR = 1;
const SEED = 2;
const MAX_ENTRIES = 4;
const TTL_SECS = 5;

const EMPTY = 0n;
const FREE = 1n;
const CLOSING = 2n;
/** The same as low words; their high word is zero, and that of a key never is. */
const EMPTY_WORD = 0;
const FREE_WORD = 1;

/** No slot: neither one that is in use nor the complement of one. */
const NONE = Number.MIN_SAFE_INTEGER;

/** Set in the high word of every hashed key, clear in all others. */
const HASHED_BIT = 0x80000000 | 0;
/** Second half of every key that is not hashed. */
const EXACT = 1;

/** Which 32-bit half of a 64-bit word holds its low bits on this machine. */
const LOW = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

const scratch = new BigInt64Array(1);
const scratchHalves = new Int32Array(scratch.buffer);
const oneWord = new Uint32Array(1);

/** A table as one thread works with it. Slots are numbers from 0 on; a slot's values are its user's. */
export class Table {
  /** The memory in units of 64 bits, for values. */
  readonly longs: BigInt64Array;
  readonly #words: Int32Array;
  readonly #mask: number;
  /** 64-bit words of a slot. */
  readonly #stride: number;
  readonly #hash: HalfSipHash;
  /** The word of a slot that this thread gives up. */
  readonly #closing: bigint;
  #firstLow = 0;
  #firstHigh = 0;
  #secondLow = 0;
  #secondHigh = 0;
  #home = 0;

  constructor(memory: SharedArrayBuffer, valueWords: number, index: number) {
    const words = this.#words = new Int32Array(memory);
    this.longs = new BigInt64Array(memory);
    this.#stride = FIRST_VALUE + valueWords;
    this.#mask = (memory.byteLength - HEADER_BYTES) / (8 * this.#stride) - 1;
    this.#hash = new HalfSipHash(words[SEED], words[SEED + 1]);
    this.#closing = closingOf(index);
  }

  /** Entries in the table. */
  get size(): number {
    return Atomics.load(this.#words, LIVE);
  }

  /** Most entries. */
  get maxEntries(): number {
    return Atomics.load(this.#words, MAX_ENTRIES);
  }

  /** The next calls are about this key: `word`, which is one of those with `tag`, a number from 1 on. */
  useExactKey(word: number, tag: number): void {
    oneWord[0] = word;
    this.#hash.hash(oneWord, 1);
    this.#home = this.#hash.low & this.#mask;
    this.#firstLow = word | 0;
    this.#firstHigh = tag;
    this.#secondLow = this.#secondHigh = EXACT;
  }

  /** The next calls are about the key that the first `count` words of `words` hash to. */
  useHashedKey(words: Uint32Array, count: number): void {
    const hash = this.#hash;
    hash.hash(words, count);
    this.#home = hash.low & this.#mask;
    this.#firstLow = hash.low;
    this.#firstHigh = hash.high | HASHED_BIT;
    this.#secondLow = hash.moreLow;
    // Never zero: that is what a second half is before it is written.
    this.#secondHigh = hash.moreHigh | 1;
  }

  /** The slot of the current key, or -1. */
  find(): number {
    const words = this.#words;
    for (let i = 0; i < PROBE_LIMIT; i++) {
      const slot = (this.#home + i) & this.#mask;
      const at = this.#wordOf(slot);
      const low = Atomics.load(words, at + LOW);
      const high = Atomics.load(words, at + HIGH);
      if (low === this.#firstLow && high === this.#firstHigh && this.#hasSecond(at)) return slot;
      if (low === 0 && high === 0) return -1;
    }
    return -1;
  }

  /**
   * Makes an entry for the current key, which {@linkcode Table.find} has not found, with values that are zero.
   *
   * @returns Its slot, also where another thread has made it meanwhile; -1 when the table is full.
   */
  add(nowSecs: number): number {
    return this.#reserve(nowSecs) ? this.#insert(nowSecs) : -1;
  }

  /** Where in {@linkcode Table.longs} the values of `slot` begin. */
  valueOf(slot: number): number {
    return (HEADER_BYTES >>> 3) + slot * this.#stride + FIRST_VALUE;
  }

  /** The entry of `slot` is used. */
  touch(slot: number, nowSecs: number): void {
    const at = this.#wordOf(slot) + LAST_USE;
    // Read first: most uses of a busy entry would only write what is there.
    if (Atomics.load(this.#words, at) !== nowSecs) Atomics.store(this.#words, at, nowSecs);
  }

  /** Whether the second half of the key at `at`, whose first half is the current one, is the current one. */
  #hasSecond(at: number): boolean {
    // The first half of a key that is not hashed is all of it.
    if (this.#firstHigh > 0) return true;
    const words = this.#words;
    for (let look = 0; look < MAX_LOOKS; look++) {
      const high = Atomics.load(words, at + SECOND + HIGH);
      if (high !== 0) {
        return high === this.#secondHigh &&
          Atomics.load(words, at + SECOND + LOW) === this.#secondLow;
      }
    }
    return false;
  }

  /** Where room is reserved. */
  #insert(nowSecs: number): number {
    scratchHalves[LOW] = this.#firstLow;
    scratchHalves[HIGH] = this.#firstHigh;
    const first = scratch[0];
    scratchHalves[LOW] = this.#secondLow;
    scratchHalves[HIGH] = this.#secondHigh;
    const second = scratch[0];
    for (let retry = 0; retry < MAX_RETRIES; retry++) {
      const slot = this.#probeOrFree();
      if (slot === NONE) {
        if (this.#prune(this.#home, PROBE_LIMIT, nowSecs) > 0) continue;
        break;
      }
      if (slot >= 0) {
        Atomics.sub(this.#words, LIVE, 1);
        return slot;
      }
      // Before the key appears: no thread may take the last owner's time for this entry's.
      this.touch(~slot, nowSecs);
      const at = this.#longOf(~slot);
      if (
        Atomics.compareExchange(this.longs, at, EMPTY, first) === EMPTY ||
        Atomics.compareExchange(this.longs, at, FREE, first) === FREE
      ) {
        Atomics.store(this.longs, at + SECOND_LONG, second);
        return ~slot;
      }
    }
    Atomics.sub(this.#words, LIVE, 1);
    return -1;
  }

  /** Counts one entry more, if there is room for it or an expired one goes. */
  #reserve(nowSecs: number): boolean {
    const words = this.#words;
    const max = this.maxEntries;
    if (Atomics.add(words, LIVE, 1) < max) return true;
    Atomics.sub(words, LIVE, 1);
    const cursor = Atomics.add(words, CURSOR, PRUNE_SLOTS);
    const pruned = this.#prune(this.#home, PROBE_LIMIT, nowSecs) +
      this.#prune(cursor, PRUNE_SLOTS, nowSecs);
    if (pruned === 0) return false;
    if (Atomics.add(words, LIVE, 1) < max) return true;
    Atomics.sub(words, LIVE, 1);
    return false;
  }

  /**
   * The slot of the current key, or the complement of the first that is not in use, or `NONE`. One pass
   * for both: an entry that another thread makes after this pass saw its slot unused must be in the very
   * slot that this pass chooses, and is found when claiming it fails.
   */
  #probeOrFree(): number {
    const words = this.#words;
    let free = NONE;
    for (let i = 0; i < PROBE_LIMIT; i++) {
      const slot = (this.#home + i) & this.#mask;
      const at = this.#wordOf(slot);
      const low = Atomics.load(words, at + LOW);
      const high = Atomics.load(words, at + HIGH);
      if (low === this.#firstLow && high === this.#firstHigh && this.#hasSecond(at)) return slot;
      if (high !== 0 || low !== EMPTY_WORD && low !== FREE_WORD) continue;
      if (free === NONE) free = ~slot;
      if (low === EMPTY_WORD) break;
    }
    return free;
  }

  /** Gives up the expired entries among `count` slots from `start` on; returns how many there were. */
  #prune(start: number, count: number, nowSecs: number): number {
    const words = this.#words;
    const oldest = nowSecs - Atomics.load(words, TTL_SECS);
    let pruned = 0;
    for (let i = 0; i < count; i++) {
      const slot = (start + i) & this.#mask;
      const half = this.#wordOf(slot);
      // Reads of 32 bits sort out nearly all slots cheaply.
      if (Atomics.load(words, half + HIGH) === 0) continue;
      if (Atomics.load(words, half + LAST_USE) >= oldest) continue;
      const at = this.#longOf(slot);
      const first = Atomics.load(this.longs, at);
      if (!isKey(first)) continue;
      // Again, after the key: the slot may have changed hands between the two reads above.
      if (Atomics.load(words, half + LAST_USE) >= oldest) continue;
      if (Atomics.compareExchange(this.longs, at, first, this.#closing) !== first) continue;
      this.#reset(at);
      Atomics.sub(words, LIVE, 1);
      pruned++;
    }
    return pruned;
  }

  /** Frees the slot at `at`, which no other thread changes now. */
  #reset(at: number): void {
    Atomics.store(this.longs, at + SECOND_LONG, 0n);
    for (let value = FIRST_VALUE; value < this.#stride; value++) {
      Atomics.store(this.longs, at + value, 0n);
    }
    Atomics.store(this.longs, at, FREE);
  }

  /** Ends what the thread `lost` was about to do. For the keeper; it may be called again. */
  reclaim(lost: number): void {
    const closing = closingOf(lost);
    for (let slot = 0; slot <= this.#mask; slot++) {
      const at = this.#longOf(slot);
      if (Atomics.load(this.#words, (at << 1) + HIGH) !== 0) continue;
      if (Atomics.load(this.longs, at) === closing) this.#reset(at);
    }
    this.#recount();
  }

  /**
   * Counts the entries. A thread that is between counting an entry and making it at this very moment gets that
   * entry beyond the bound, of which there is room for twice as many.
   */
  #recount(): void {
    for (let count = 0; count < MAX_COUNTS; count++) {
      const seen = Atomics.load(this.#words, LIVE);
      const keys = this.#keys();
      if (keys === seen) return;
      if (this.#keys() !== keys) continue;
      if (Atomics.compareExchange(this.#words, LIVE, seen, keys) === seen) return;
    }
  }

  #keys(): number {
    let keys = 0;
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (Atomics.load(this.#words, this.#wordOf(slot) + HIGH) !== 0) keys++;
    }
    return keys;
  }

  #longOf(slot: number): number {
    return (HEADER_BYTES >>> 3) + slot * this.#stride;
  }

  #wordOf(slot: number): number {
    return this.#longOf(slot) << 1;
  }
}

/** The word of a slot that thread `index` gives up. */
function closingOf(index: number): bigint {
  // The keeper, which has the index -1, gives up none.
  return CLOSING + BigInt(Math.max(0, index));
}

/** Whether a word is the first half of a key: its high half is not zero. */
function isKey(first: bigint): boolean {
  return first < 0n || first > 0xffff_ffffn;
}

/** Room of a table. */
export interface TableSize {
  readonly maxEntries: number;
}

/** What a configuration sets. */
export interface TableSettings {
  readonly maxEntries: number;
  /** Seconds without a use after which an entry may be forgotten. */
  readonly ttlSecs: number;
}

/** The kind `table`, with values of `valueWords` words of 64 bits. To be made once for each use. */
export function tableOf(valueWords: number): Layout<Table, TableSize, TableSettings> {
  return {
    kind: "table",
    parts: "shared",
    bytes: ({ maxEntries }) => HEADER_BYTES + slotsFor(maxEntries) * (KEY_BYTES + 8 * valueWords),
    init(memory) {
      new Int32Array(memory).set(crypto.getRandomValues(new Int32Array(2)), SEED);
    },
    open: (memory, { index }) => new Table(memory, valueWords, index),
    apply(memory, { maxEntries, ttlSecs }) {
      const words = new Int32Array(memory);
      Atomics.store(words, MAX_ENTRIES, maxEntries);
      Atomics.store(words, TTL_SECS, ttlSecs);
    },
    reclaim: (memory, { index }) => new Table(memory, valueWords, KEEPER).reclaim(index),
  };
}

/** A power of two that leaves half of the slots unused, and never fewer than one probe looks at. */
function slotsFor(maxEntries: number): number {
  return Math.max(PROBE_LIMIT, 2 ** Math.ceil(Math.log2(maxEntries * 2)));
}
