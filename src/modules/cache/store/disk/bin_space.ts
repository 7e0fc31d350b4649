/**
 * Which ranges of bins are free (spec 04 section 7.5). Nothing is read or written here.
 *
 * @module
 */
import type { BinsUse } from "./backend.ts";

/** A range of one bin. */
export class BinRange {
  /** Readers that have it open, and whether it is free as soon as there are none. */
  readers = 0;
  isFreed = false;

  constructor(readonly bin: number, readonly offset: number, readonly length: number) {}
}

interface Free {
  offset: number;
  length: number;
}

/** The space of all bins of a root. */
export class BinSpace {
  /** Free ranges of each bin that there is, in their order. */
  readonly #free: Free[][] = [];

  constructor(readonly binBytes: number, readonly maxBytes: number) {}

  /** How many bins there are. */
  get bins(): number {
    return this.#free.length;
  }

  /** How the bins are used. */
  get use(): BinsUse {
    let bytes = 0;
    let freeBytes = 0;
    let freeRanges = 0;
    let largestFreeBytes = 0;
    for (let bin = 0; bin < this.#free.length; bin++) {
      bytes += this.sizeOf(bin);
      for (const { length } of this.#free[bin]) {
        freeBytes += length;
        freeRanges++;
        largestFreeBytes = Math.max(largestFreeBytes, length);
      }
    }
    return { files: this.#free.length, bytes, freeBytes, freeRanges, largestFreeBytes };
  }

  /** Bytes of a bin: the last one that there can be is the remainder. */
  sizeOf(bin: number): number {
    return Math.min(this.binBytes, this.maxBytes - bin * this.binBytes);
  }

  /** The first free range that is large enough, in a bin that is made for it if need be. */
  take(length: number): BinRange | undefined {
    for (let bin = 0; bin < this.#free.length; bin++) {
      const range = this.#takeIn(bin, length);
      if (range !== undefined) return range;
    }
    if (this.sizeOf(this.#free.length) < length) return undefined;
    this.#add();
    return this.#takeIn(this.#free.length - 1, length);
  }

  /**
   * Takes the ranges of objects that lie there.
   *
   * @throws When one is outside of its bin, or two overlap.
   */
  claim(ranges: readonly BinRange[]): void {
    const sorted = [...ranges].sort((a, b) => a.bin - b.bin || a.offset - b.offset);
    let last: BinRange | undefined;
    for (const range of sorted) {
      const { bin, offset, length } = range;
      if (length <= 0 || offset < 0 || offset + length > this.sizeOf(bin)) {
        throw new Error("the index of the cache has a range outside of its bin");
      }
      if (last?.bin === bin && last.offset + last.length > offset) {
        throw new Error("the index of the cache has ranges that overlap");
      }
      last = range;
      while (this.#free.length <= bin) this.#add();
      this.#cut(this.#free[bin], offset, length);
    }
  }

  /** Gives a range back; one that is being read is free after that. */
  free(range: BinRange): void {
    if (range.isFreed) return;
    range.isFreed = true;
    if (range.readers === 0) this.#merge(range);
  }

  /** A reader of a range has closed it. */
  unread(range: BinRange): void {
    range.readers--;
    if (range.readers === 0 && range.isFreed) this.#merge(range);
  }

  /** Forgets bins at the end in which nothing lies; returns which. */
  trim(): number[] {
    const gone: number[] = [];
    for (let bin = this.#free.length - 1; bin >= 0; bin--) {
      const [first] = this.#free[bin];
      if (first?.offset !== 0 || first.length !== this.sizeOf(bin)) break;
      this.#free.pop();
      gone.push(bin);
    }
    return gone;
  }

  #add(): void {
    this.#free.push([{ offset: 0, length: this.sizeOf(this.#free.length) }]);
  }

  #takeIn(bin: number, length: number): BinRange | undefined {
    const free = this.#free[bin];
    const found = free.find((range) => range.length >= length);
    if (found === undefined) return undefined;
    const { offset } = found;
    this.#cut(free, offset, length);
    return new BinRange(bin, offset, length);
  }

  #cut(free: Free[], offset: number, length: number): void {
    const at = free.findIndex((range) =>
      range.offset <= offset && range.offset + range.length >= offset + length
    );
    if (at < 0) throw new Error("a range of the cache is not free");
    const range = free[at];
    const parts = [
      { offset: range.offset, length: offset - range.offset },
      { offset: offset + length, length: range.offset + range.length - offset - length },
    ].filter((part) => part.length > 0);
    free.splice(at, 1, ...parts);
  }

  #merge({ bin, offset, length }: BinRange): void {
    const free = this.#free[bin];
    if (free === undefined) return;
    let at = free.findIndex((range) => range.offset > offset);
    if (at < 0) at = free.length;
    free.splice(at, 0, { offset, length });
    const next = free[at + 1];
    if (next !== undefined && offset + length === next.offset) {
      free[at].length += next.length;
      free.splice(at + 1, 1);
    }
    const before = free[at - 1];
    if (before !== undefined && before.offset + before.length === offset) {
      before.length += free[at].length;
      free.splice(at, 1);
    }
  }
}
