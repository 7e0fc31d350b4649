/**
 * Pages of an arena: which block is free, and how many bytes each instance has taken. All of it changes under
 * one lock, in a bounded number of steps.
 *
 * All of it follows from the states of the blocks (`arena_memory.ts`), and is worked out from them anew after a
 * change that was not ended (`guard.ts`).
 *
 * @module
 */
import {
  type ArenaMemory,
  BLOCKS_PER_PAGE,
  CLASSES,
  Header,
  MAX_INSTANCES,
  Page,
  UNIT_BYTES,
} from "./arena_memory.ts";
import { Guard } from "../guard.ts";
import type { KeeperCall, ThreadSlot } from "../layout.ts";

const { LOCK, CHANGING, FREE_PAGE, USED_PAGES, PARTIAL, TAKEN, BUDGET } = Header;
const { CLASS, FREE_BITS, NEXT, PREVIOUS } = Page;

/** The pages of an arena as one thread works with them. */
export class ArenaPages {
  readonly #memory: ArenaMemory;
  readonly #words: Int32Array;
  readonly #guard: Guard;

  constructor(memory: ArenaMemory, own: ThreadSlot, call?: KeeperCall) {
    this.#memory = memory;
    this.#words = memory.words;
    const guarded = {
      words: memory.words,
      lock: LOCK,
      changing: CHANGING,
      workOut: () => this.#workOut(),
    };
    this.#guard = new Guard(guarded, own, call);
  }

  /** Bytes that `instance` has taken, whole blocks. */
  taken(instance: number): number {
    return Atomics.load(this.#words, TAKEN + instance) * UNIT_BYTES;
  }

  /** Sets how many bytes each instance may take, by its number. */
  setBudgets(budgets: readonly number[]): void {
    for (let instance = 0; instance < MAX_INSTANCES; instance++) {
      const units = Math.floor((budgets[instance] ?? 0) / UNIT_BYTES);
      Atomics.store(this.#words, BUDGET + instance, units);
    }
  }

  /**
   * Takes a free block for `instance`; it is live and pinned by this thread.
   *
   * @returns -1 when the budget or the arena is full.
   * @throws When the lock is not freed in time, or the arena is not in order.
   */
  take(sizeClass: number, instance: number): number {
    if (!this.#hasBudget(instance, sizeClass)) return -1;
    return this.#guard.change(() => {
      if (!this.#hasBudget(instance, sizeClass)) return -1;
      const block = this.#takeBlock(sizeClass);
      if (block < 0) return -1;
      Atomics.store(
        this.#words,
        TAKEN + instance,
        this.#words[TAKEN + instance] + (1 << sizeClass),
      );
      this.#memory.begin(block, instance);
      return block;
    });
  }

  /**
   * Frees the block if it is live and nothing refers to it.
   *
   * @throws When the lock is not freed in time, or the arena is not in order.
   */
  freeUnused(block: number): void {
    if (!this.#memory.isUnused(block)) return;
    this.#guard.change(() => {
      // Whether it is live has to be known before: `end` leaves free blocks alone.
      if (this.#memory.isUnused(block) && this.#memory.end(block)) this.#freeBlock(block);
    });
  }

  /**
   * The thread `lost` holds the lock no more, and everything is in order: what nothing refers to is free, also
   * what the lost thread had given back and was about to free. For the keeper.
   *
   * @throws When another thread does not free the lock in time.
   */
  mend(lost: number): void {
    this.#guard.change(() => this.#workOut(), lost);
  }

  #hasBudget(instance: number, sizeClass: number): boolean {
    const words = this.#words;
    return Atomics.load(words, TAKEN + instance) + (1 << sizeClass) <=
      Atomics.load(words, BUDGET + instance);
  }

  /** Lists, free blocks and what is taken, from the states of the blocks. */
  #workOut(): boolean {
    const words = this.#words;
    const taken = new Int32Array(MAX_INSTANCES);
    const used = this.#memory.usedPages;
    Atomics.store(words, USED_PAGES, used);
    Atomics.store(words, FREE_PAGE, 0);
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      Atomics.store(words, PARTIAL + sizeClass, 0);
    }
    for (let page = used; page > 0; page--) this.#workOutPage(page, taken);
    for (let instance = 0; instance < MAX_INSTANCES; instance++) {
      Atomics.store(words, TAKEN + instance, taken[instance]);
    }
    return true;
  }

  #workOutPage(page: number, taken: Int32Array): void {
    const words = this.#words;
    const sizeClass = this.#memory.classOf(page);
    if (sizeClass < 0) {
      for (let unit = 0; unit < BLOCKS_PER_PAGE; unit++) {
        this.#memory.endAnyway(blockAt(page, unit, 0));
      }
      return this.#freePage(page);
    }
    const at = this.#memory.pageWord(page);
    const free = [0, 0];
    let live = 0;
    for (let ordinal = 0; ordinal < blocksOf(sizeClass); ordinal++) {
      const block = blockAt(page, ordinal, sizeClass);
      if (this.#memory.end(block)) {
        free[ordinal >> 5] |= 1 << (ordinal & 31);
      } else {
        live++;
        const instance = this.#memory.instanceOf(block);
        if (instance >= 0) taken[instance] += 1 << sizeClass;
      }
    }
    if (live === 0) return this.#freePage(page);
    Atomics.store(words, at + FREE_BITS, free[0]);
    Atomics.store(words, at + FREE_BITS + 1, free[1]);
    if (live < blocksOf(sizeClass)) this.#link(page, sizeClass);
  }

  #takeBlock(sizeClass: number): number {
    const words = this.#words;
    const page = this.#page(words[PARTIAL + sizeClass]) || this.#newPage(sizeClass);
    if (page === 0) return -1;
    const at = this.#memory.pageWord(page);
    if (this.#classAt(page) !== sizeClass) {
      throw new Error(`page ${page} in the list of another class`);
    }
    const half = words[at + FREE_BITS] !== 0 ? 0 : 1;
    const bits = words[at + FREE_BITS + half];
    if (bits === 0) throw new Error(`a page ${page} without a free block`);
    const bit = 31 - Math.clz32(bits & -bits);
    const ordinal = half * 32 + bit;
    if (ordinal >= blocksOf(sizeClass)) throw new Error(`a block ${ordinal} of page ${page}`);
    const block = blockAt(page, ordinal, sizeClass);
    if (!this.#memory.end(block)) throw new Error(`a block ${block} that is free and in use`);
    Atomics.store(words, at + FREE_BITS + half, bits & ~(1 << bit));
    if (words[at + FREE_BITS] === 0 && words[at + FREE_BITS + 1] === 0) {
      this.#unlink(page, sizeClass);
    }
    return block;
  }

  /** A page of its own for `sizeClass`, or 0. */
  #newPage(sizeClass: number): number {
    const words = this.#words;
    let page = this.#page(words[FREE_PAGE]);
    if (page !== 0) Atomics.store(words, FREE_PAGE, words[this.#memory.pageWord(page) + NEXT]);
    else if (words[USED_PAGES] >= 0 && words[USED_PAGES] < this.#memory.pageCount) {
      page = words[USED_PAGES] + 1;
      Atomics.store(words, USED_PAGES, page);
    } else return 0;
    const at = this.#memory.pageWord(page);
    const [low, high] = allFree(sizeClass);
    Atomics.store(words, at + CLASS, sizeClass + 1);
    Atomics.store(words, at + FREE_BITS, low);
    Atomics.store(words, at + FREE_BITS + 1, high);
    this.#link(page, sizeClass);
    return page;
  }

  /** The block is free in its page, and counts no more. */
  #freeBlock(block: number): void {
    const words = this.#words;
    const page = this.#memory.pageOf(block);
    const sizeClass = this.#classAt(page);
    const instance = this.#memory.instanceOf(block);
    if (instance >= 0) {
      Atomics.store(words, TAKEN + instance, words[TAKEN + instance] - (1 << sizeClass));
    }
    const at = this.#memory.pageWord(page);
    const ordinal = (block % BLOCKS_PER_PAGE) >> sizeClass;
    const half = ordinal >> 5;
    const bit = 1 << (ordinal & 31);
    if ((words[at + FREE_BITS + half] & bit) !== 0) {
      throw new Error(`block ${block} is free already`);
    }
    if (words[at + FREE_BITS] === 0 && words[at + FREE_BITS + 1] === 0) this.#link(page, sizeClass);
    Atomics.store(words, at + FREE_BITS + half, words[at + FREE_BITS + half] | bit);
    const [low, high] = allFree(sizeClass);
    if (words[at + FREE_BITS] !== low || words[at + FREE_BITS + 1] !== high) return;
    this.#unlink(page, sizeClass);
    this.#freePage(page);
  }

  #freePage(page: number): void {
    const words = this.#words;
    const at = this.#memory.pageWord(page);
    Atomics.store(words, at + CLASS, 0);
    Atomics.store(words, at + NEXT, words[FREE_PAGE]);
    Atomics.store(words, FREE_PAGE, page);
  }

  #link(page: number, sizeClass: number): void {
    const words = this.#words;
    const first = this.#page(words[PARTIAL + sizeClass]);
    const at = this.#memory.pageWord(page);
    Atomics.store(words, at + NEXT, first);
    Atomics.store(words, at + PREVIOUS, 0);
    if (first !== 0) Atomics.store(words, this.#memory.pageWord(first) + PREVIOUS, page);
    Atomics.store(words, PARTIAL + sizeClass, page);
  }

  #unlink(page: number, sizeClass: number): void {
    const words = this.#words;
    const at = this.#memory.pageWord(page);
    const next = this.#page(words[at + NEXT]);
    const previous = this.#page(words[at + PREVIOUS]);
    if (previous === 0) Atomics.store(words, PARTIAL + sizeClass, next);
    else Atomics.store(words, this.#memory.pageWord(previous) + NEXT, next);
    if (next !== 0) Atomics.store(words, this.#memory.pageWord(next) + PREVIOUS, previous);
  }

  #classAt(page: number): number {
    const sizeClass = this.#memory.classOf(page);
    if (sizeClass < 0) throw new Error(`a page ${page} without a class`);
    return sizeClass;
  }

  /** `page`, which was in the memory, if it can be one, or 0. */
  #page(page: number): number {
    if (page < 0 || page > this.#memory.pageCount) {
      throw new Error(`page ${page} of ${this.#memory.pageCount}`);
    }
    return page;
  }
}

function blockAt(page: number, ordinal: number, sizeClass: number): number {
  return (page - 1) * BLOCKS_PER_PAGE + (ordinal << sizeClass);
}

function blocksOf(sizeClass: number): number {
  return BLOCKS_PER_PAGE >> sizeClass;
}

/** The free bits of a page without a block in use. */
function allFree(sizeClass: number): readonly [low: number, high: number] {
  const blocks = blocksOf(sizeClass);
  if (blocks === 64) return [-1, -1];
  return [blocks === 32 ? -1 : (1 << blocks) - 1, 0];
}
