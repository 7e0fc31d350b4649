/**
 * The open streams of a connection by their number.
 *
 * Not a `Map`, though it would do: when a `Map` that comes and goes this fast makes itself a new store,
 * the old one keeps pointing at it. Once one of them has lived long enough to be tenured, all later ones,
 * and every dead stream in them, stay in memory until the next full collection.
 *
 * @module
 */

const FIRST_BITS = 4;

/** 2^32 divided by the golden ratio: numbers in a row are spread far from each other. */
const SPREAD = 0x9e3779b1;

/** A stream as far as the table knows it. */
export interface Numbered {
  readonly id: number;
}

/** A hash table with linear probing, at most half full. */
export class StreamTable<S extends Numbered> {
  #bits = FIRST_BITS;
  #slots: (S | undefined)[] = emptySlots(FIRST_BITS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): S | undefined {
    return this.#slots[this.#find(id)];
  }

  /** Adds a stream whose number is not in the table. */
  add(stream: S): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    this.#slots[this.#find(stream.id)] = stream;
    this.#size++;
  }

  /** Removes the stream with that number, if there is one. */
  delete(id: number): void {
    const slots = this.#slots;
    let hole = this.#find(id);
    if (slots[hole] === undefined) return;
    this.#size--;
    slots[hole] = undefined;
    // An entry that was put after the hole because its own place was taken moves up.
    let at = hole;
    for (;;) {
      at = this.#next(at);
      const stream = slots[at];
      if (stream === undefined) return;
      const home = this.#homeOf(stream.id);
      const mayStay = hole <= at ? hole < home && home <= at : hole < home || home <= at;
      if (mayStay) continue;
      slots[hole] = stream;
      slots[at] = undefined;
      hole = at;
    }
  }

  /** The streams there are now, in no order. */
  list(): S[] {
    return this.#slots.filter((each) => each !== undefined);
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#size = 0;
  }

  /** Where the stream with that number is, or would be put. */
  #find(id: number): number {
    const slots = this.#slots;
    let at = this.#homeOf(id);
    while (slots[at] !== undefined && slots[at]?.id !== id) at = this.#next(at);
    return at;
  }

  #homeOf(id: number): number {
    return Math.imul(id, SPREAD) >>> (32 - this.#bits);
  }

  #next(at: number): number {
    return (at + 1) & (this.#slots.length - 1);
  }

  #grow(): void {
    const streams = this.list();
    this.#slots = emptySlots(++this.#bits);
    for (const stream of streams) this.#slots[this.#find(stream.id)] = stream;
  }
}

function emptySlots<S>(bits: number): (S | undefined)[] {
  return new Array<S | undefined>(1 << bits).fill(undefined);
}
