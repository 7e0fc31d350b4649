/**
 * What is remembered of keys that have no object: how often an answer could have been stored, how often not, and
 * whether the key was asked for before (spec 04 section 6.6). One table for all workers.
 *
 * @module
 */
import type { KeyHash } from "../store/index.ts";
import { type Table, tableOf } from "../../../zones/table.ts";

/** The table: one word of 64 bits a key. */
export const useTable = tableOf(1);

// Parts of the word.
const STORABLE = 1n;
const STORABLE_MASK = 0xffffffn;
const UNCACHEABLE_SHIFT = 24n;
const UNCACHEABLE = 1n << UNCACHEABLE_SHIFT;
const UNCACHEABLE_MASK = 0xffffffn << UNCACHEABLE_SHIFT;
const ASKED = 1n << 48n;
const UNSTORABLE = 1n << 49n;

/** The uses of keys, as one thread counts them. */
export class Uses {
  readonly #table: Table;
  readonly #words = new Uint32Array(4);

  constructor(table: Table) {
    this.#table = table;
  }

  /** An answer could be stored; returns how many there have been. A full table counts as enough. */
  storable(key: KeyHash): number {
    const at = this.#valueOf(key, true);
    if (at < 0) return Infinity;
    const { longs } = this.#table;
    Atomics.and(longs, at, ~(UNCACHEABLE_MASK | UNSTORABLE));
    if ((Atomics.load(longs, at) & STORABLE_MASK) === STORABLE_MASK) return Infinity;
    return Number((Atomics.add(longs, at, STORABLE) & STORABLE_MASK) + 1n);
  }

  /**
   * An answer could not be stored.
   *
   * @param isOrigins The upstream itself has said so, not the operator's own rules.
   */
  uncacheable(key: KeyHash, isOrigins: boolean): void {
    const at = this.#valueOf(key, true);
    if (at < 0) return;
    const { longs } = this.#table;
    const word = Atomics.load(longs, at);
    if ((word & UNCACHEABLE_MASK) !== UNCACHEABLE_MASK) Atomics.add(longs, at, UNCACHEABLE);
    if (isOrigins) Atomics.or(longs, at, UNSTORABLE);
  }

  /** Whether the cache is passed by: after `most` uncacheable answers, or because of a prediction. */
  passes(key: KeyHash, most: number, predicts: boolean): boolean {
    const at = this.#valueOf(key, false);
    if (at < 0) return false;
    const word = Atomics.load(this.#table.longs, at);
    if (predicts && (word & UNSTORABLE) !== 0n) return true;
    return most > 0 && Number((word & UNCACHEABLE_MASK) >> UNCACHEABLE_SHIFT) >= most;
  }

  /** Whether the key was asked for before. */
  wasAsked(key: KeyHash): boolean {
    const at = this.#valueOf(key, true);
    return at < 0 || (Atomics.or(this.#table.longs, at, ASKED) & ASKED) !== 0n;
  }

  #valueOf({ looseLow, looseHigh, exactLow, exactHigh }: KeyHash, isMade: boolean): number {
    const words = this.#words;
    words[0] = looseLow;
    words[1] = looseHigh;
    words[2] = exactLow;
    words[3] = exactHigh;
    const table = this.#table;
    table.useHashedKey(words, 4);
    const nowSecs = Math.floor(Date.now() / 1000) | 0;
    let slot = table.find();
    if (slot < 0 && isMade) slot = table.add(nowSecs);
    if (slot < 0) return -1;
    table.touch(slot, nowSecs);
    return table.valueOf(slot);
  }
}
