/**
 * Token buckets of many clients in one shared table, exact across workers and without a lock.
 *
 * A bucket is one 64-bit word: the time at which it will be full again. What is missing from it, its
 * *debt*, is that time minus now; taking a token moves the time forward by the time one token takes to
 * come back. So a whole take is one compare-and-exchange that either succeeds on exactly the state it
 * was worked out from or is worked out again, and no worker ever waits for another.
 *
 * IPv4 addresses are their own key, IPv6 addresses are hashed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type Table, tableOf } from "../../zones/table.ts";

/** The kind of table that buckets are in. */
export const bucketTable = tableOf(1);

/**
 * How far a debt may be past the limit before it is taken for one of an earlier configuration. More than
 * the clocks of two workers can ever differ.
 */
const MAX_OVERDUE_NS = 60e9;

/** Attempts against other workers to take a token. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

/** Longest text that is a key as it is; of a longer one it is a digest. */
const MAX_TEXT = 256;
/** More words than an IPv6 address has. */
const MIN_TEXT_WORDS = 5;

/** The key in question: two characters a word; a decision never waits, so one is enough. */
const textWords = new Uint32Array(1 + MAX_TEXT / 2);

/** Tags of keys: an IPv4 address, and the one key that all unknown addresses share. */
const IPV4 = 1;
const UNKNOWN = 2;

/** Buckets by client address. All times are nanoseconds of one clock that all workers share. */
export class BucketTable {
  readonly #table: Table;
  readonly #longs: BigInt64Array;

  constructor(table: Table) {
    this.#table = table;
    this.#longs = table.longs;
  }

  /** Addresses in the table. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * The slot of an address, or -1 when it has none.
   *
   * @param family 4 or 6, or 0 for an unknown address: all of these share one slot.
   * @param words The address as `parseIp` gives it.
   */
  find(family: 0 | 4 | 6, words: Uint32Array): number {
    this.#useKey(family, words);
    return this.#table.find();
  }

  /** The slot of an address, made if need be with a full bucket; -1 when the table is full. */
  findOrAdd(family: 0 | 4 | 6, words: Uint32Array, now: number): number {
    this.#useKey(family, words);
    const found = this.#table.find();
    return found >= 0 ? found : this.#table.add(Math.floor(now / 1e9));
  }

  /** As {@linkcode BucketTable.find}, for a text in place of an address. */
  findText(text: string): number {
    this.#useText(text);
    return this.#table.find();
  }

  /** As {@linkcode BucketTable.findOrAdd}, for a text in place of an address. */
  findOrAddText(text: string, now: number): number {
    const found = this.findText(text);
    return found >= 0 ? found : this.#table.add(Math.floor(now / 1e9));
  }

  /** What is missing from the bucket of `slot`, as the nanoseconds it takes to come back. */
  debt(slot: number, now: number): number {
    return Math.max(0, Number(Atomics.load(this.#longs, this.#table.valueOf(slot))) - now);
  }

  /**
   * Takes from the bucket of `slot` if it then owes at most `limit`.
   *
   * @param cost Nanoseconds one token takes to come back, a whole number: so no rounding ever adds up.
   * @param limit Most debt allowed, in nanoseconds, a whole number.
   * @returns The debt with this token taken, positive; or, negated, the time until taking will be allowed.
   */
  take(slot: number, now: number, cost: number, limit: number): number {
    this.#table.touch(slot, Math.floor(now / 1e9));
    const at = this.#table.valueOf(slot);
    let seen = Atomics.load(this.#longs, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
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
    return -cost;
  }

  /** Longer than every address, so that no text is one. */
  #useText(text: string): void {
    const short = text.length <= MAX_TEXT ? text : createHash("sha256").update(text).digest("hex");
    let count = MIN_TEXT_WORDS;
    textWords.fill(0, 0, count);
    textWords[0] = short.length;
    for (let i = 0; i < short.length; i++) {
      const at = 1 + (i >> 1);
      if ((i & 1) === 0) textWords[at] = short.charCodeAt(i);
      else textWords[at] |= short.charCodeAt(i) << 16;
      if (at >= count) count = at + 1;
    }
    this.#table.useHashedKey(textWords, count);
  }

  #useKey(family: 0 | 4 | 6, words: Uint32Array): void {
    if (family === 6) this.#table.useHashedKey(words, 4);
    else if (family === 4) this.#table.useExactKey(words[0], IPV4);
    else this.#table.useExactKey(0, UNKNOWN);
  }
}
