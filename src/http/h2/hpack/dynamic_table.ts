/**
 * The dynamic table of RFC 7541 section 2.3.2, for both directions.
 *
 * @module
 */

/** What an entry costs besides its text (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/** Slots at the start; most connections never need more. */
const FIRST_SLOTS = 16;

/** A bounded queue of fields: the newest has the lowest index, the oldest go when room is needed. */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  /** Result of the decoder's classifier for each entry. */
  #tags: number[] = [];
  /** A power of two less one; -1 while nothing was ever inserted. */
  #mask = -1;
  #limit: number;
  #bytes = 0;
  #count = 0;
  #inserted = 0;

  /** @param limit Most bytes, counted as RFC 7541 section 4.1 does. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** How many entries were ever inserted: the number of the newest one, counted from 1. */
  get inserted(): number {
    return this.#inserted;
  }

  /** Bytes in use, counted as RFC 7541 section 4.1 does. */
  get bytes(): number {
    return this.#bytes;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Name of entry `index`, the newest being 0. `index` must be less than `count`. */
  name(index: number): string {
    return this.#names[(this.#inserted - index) & this.#mask];
  }

  value(index: number): string {
    return this.#values[(this.#inserted - index) & this.#mask];
  }

  tag(index: number): number {
    return this.#tags[(this.#inserted - index) & this.#mask];
  }

  /**
   * Adds an entry, dropping old ones for it. One that is larger than the whole table empties the table
   * and is not kept (RFC 7541 section 4.4).
   *
   * @param name A character stands for a byte, here and in `value`.
   */
  insert(name: string, value: string, tag: number): void {
    const needed = name.length + value.length + ENTRY_OVERHEAD;
    this.#shrinkTo(this.#limit - needed);
    if (needed > this.#limit) return;
    if (this.#count > this.#mask) this.#grow();
    const at = ++this.#inserted & this.#mask;
    this.#names[at] = name;
    this.#values[at] = value;
    this.#tags[at] = tag;
    this.#count++;
    this.#bytes += needed;
  }

  /** Changes the limit, dropping old entries where it shrinks. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#shrinkTo(limit);
  }

  #shrinkTo(bytes: number): void {
    while (this.#bytes > bytes && this.#count > 0) {
      const at = (this.#inserted - this.#count + 1) & this.#mask;
      this.#bytes -= this.#names[at].length + this.#values[at].length + ENTRY_OVERHEAD;
      this.#names[at] = this.#values[at] = "";
      this.#count--;
    }
  }

  #grow(): void {
    const slots = this.#mask < 0 ? FIRST_SLOTS : (this.#mask + 1) * 2;
    const names = new Array<string>(slots).fill("");
    const values = new Array<string>(slots).fill("");
    const tags = new Array<number>(slots).fill(0);
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#inserted - i) & (slots - 1);
      names[at] = this.name(i);
      values[at] = this.value(i);
      tags[at] = this.tag(i);
    }
    this.#names = names;
    this.#values = values;
    this.#tags = tags;
    this.#mask = slots - 1;
  }
}
