/**
 * Where the parts of an arena's memory are, and who refers to its blocks.
 *
 * A block is in use while it is live: tables that keep it are counted in its state, and each thread that has it
 * pinned has one bit. Setting and clearing the own bit has the same result however often it is done, and no
 * other thread changes it; so what a lost thread had pinned is known exactly, whichever instruction was its
 * last.
 *
 * @module
 */
import type { ThreadSlot } from "../layout.ts";

/** Bytes of a page, and so of the largest block. */
export const PAGE_BYTES: number = 64 * 1024;
/** Bytes of the smallest block. */
export const UNIT_BYTES = 1024;
/** Blocks of the smallest size in a page. */
export const BLOCKS_PER_PAGE: number = PAGE_BYTES / UNIT_BYTES;
/** Sizes of blocks: 1, 2, 4 ... 64 KiB. */
export const CLASSES = 7;

/** Most instances with a budget of their own. */
export const MAX_INSTANCES = 256;

/** Words of the header. */
export const Header = {
  LOCK: 0,
  /** Not 0 while what the lock guards is being changed: a thread that finds it so must mend that. */
  CHANGING: 1,
  /** First page that is free again, as its number plus one, and how many pages were ever used. */
  FREE_PAGE: 2,
  USED_PAGES: 3,
  /** First page of each class with a free block. */
  PARTIAL: 4,
  /** Units that each instance has taken, and how many it may take. */
  TAKEN: 4 + CLASSES,
  BUDGET: 4 + CLASSES + MAX_INSTANCES,
  WORDS: 4 + CLASSES + 2 * MAX_INSTANCES,
} as const;

/** Words of a page: its class plus one, free blocks as bits, and its neighbours among those with a free block. */
export const Page = { CLASS: 0, FREE_BITS: 1, NEXT: 3, PREVIOUS: 4, WORDS: 5 } as const;

/** Words of a block: its state, whose budget it counts against, and a bit for each thread that has it pinned. */
const STATE = 0;
const INSTANCE = 1;
const PINS = 2;

// Parts of a state: generation, whether the block is in use, whether it is about to be free, tables that keep it.
const GENERATION_SHIFT = 12;
const GENERATIONS = 2 ** (32 - GENERATION_SHIFT);
const LIVE = 1 << 11;
const CLOSING = 1 << 10;

/** Most tables that keep one block. */
export const MAX_KEEPS: number = CLOSING - 1;

/** Attempts against other threads to change a state. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

/** Where the parts are, in words, but for `data` in bytes. */
interface Places {
  readonly pages: number;
  readonly blocks: number;
  readonly data: number;
}

function wordsOfBlock(threads: number): number {
  return PINS + Math.ceil(threads / 32);
}

function placesOf(pageCount: number, threads: number): Places {
  const pages = Header.WORDS;
  const blocks = pages + pageCount * Page.WORDS;
  const end = 4 * (blocks + pageCount * BLOCKS_PER_PAGE * wordsOfBlock(threads));
  return { pages, blocks, data: Math.ceil(end / 4096) * 4096 };
}

/** Bytes of an arena with `pageCount` pages. */
export function bytesOf(pageCount: number, threads: number): number {
  return placesOf(pageCount, threads).data + pageCount * PAGE_BYTES;
}

/** How many pages a memory of `bytes` has room for. */
function pagesIn(bytes: number, threads: number): number {
  const perPage = PAGE_BYTES + 4 * (Page.WORDS + BLOCKS_PER_PAGE * wordsOfBlock(threads));
  let pages = Math.floor((bytes - placesOf(0, threads).data) / perPage) + 1;
  while (pages > 0 && bytesOf(pages, threads) > bytes) pages--;
  return pages;
}

/** A block, as tables store it: two words of 32 bits. */
export interface Handle {
  readonly block: number;
  readonly generation: number;
}

/** The state of a block that is free, after `state`. */
function nextGeneration(state: number): number {
  return ((state >>> GENERATION_SHIFT) + 1) % GENERATIONS << GENERATION_SHIFT;
}

/** The memory of an arena as one thread sees it. */
export class ArenaMemory {
  readonly words: Int32Array;
  readonly pageCount: number;
  readonly #memory: SharedArrayBuffer;
  readonly #places: Places;
  readonly #blockWords: number;
  readonly #own: number;

  constructor(memory: SharedArrayBuffer, { index, count }: ThreadSlot) {
    this.#memory = memory;
    this.words = new Int32Array(memory);
    this.pageCount = pagesIn(memory.byteLength, count);
    this.#places = placesOf(this.pageCount, count);
    this.#blockWords = wordsOfBlock(count);
    this.#own = index;
  }

  /** Whether there can be such a block. */
  isBlock(block: number): boolean {
    return block >= 0 && block < this.pageCount * BLOCKS_PER_PAGE;
  }

  /** Number plus one of the page of a block. */
  pageOf(block: number): number {
    return Math.floor(block / BLOCKS_PER_PAGE) + 1;
  }

  /** Where the words of a page begin. */
  pageWord(page: number): number {
    return this.#places.pages + (page - 1) * Page.WORDS;
  }

  /** The class of a page, or -1 if it has none. */
  classOf(page: number): number {
    const sizeClass = this.words[this.pageWord(page) + Page.CLASS] - 1;
    return sizeClass >= 0 && sizeClass < CLASSES ? sizeClass : -1;
  }

  /** @throws When its page has no class. */
  bytes(block: number): Uint8Array {
    const page = this.pageOf(block);
    const sizeClass = this.classOf(page);
    if (sizeClass < 0) throw new Error(`a block ${block} in page ${page} without a class`);
    // A block that is not aligned to its size would reach into the next page.
    const length = UNIT_BYTES << sizeClass;
    const start = block * UNIT_BYTES;
    const aligned = start - start % length;
    return new Uint8Array(this.#memory, this.#places.data + aligned, length);
  }

  /** Pages that were ever used. */
  get usedPages(): number {
    return Math.min(Math.max(0, this.words[Header.USED_PAGES]), this.pageCount);
  }

  /** Whose budget the block counts against, or -1. */
  instanceOf(block: number): number {
    const instance = this.words[this.#blockWord(block) + INSTANCE];
    return instance >= 0 && instance < MAX_INSTANCES ? instance : -1;
  }

  /** Makes a block that is free live and pinned by this thread; under the lock. */
  begin(block: number, instance: number): void {
    const at = this.#blockWord(block);
    Atomics.store(this.words, at + INSTANCE, instance);
    this.setPin(block);
    const generation = Atomics.load(this.words, at + STATE) >>> GENERATION_SHIFT;
    Atomics.store(this.words, at + STATE, generation << GENERATION_SHIFT | LIVE);
  }

  /** The handle of a live block. */
  handleOf(block: number): Handle {
    return { block, generation: this.#state(block) >>> GENERATION_SHIFT };
  }

  /** Whether the block is live, is that of the handle, and is not about to be free. */
  isThere({ block, generation }: Handle): boolean {
    const state = this.#state(block);
    return state >>> GENERATION_SHIFT === generation && (state & (LIVE | CLOSING)) === LIVE;
  }

  /** Whether the block is live and nothing refers to it. */
  isUnused(block: number): boolean {
    const state = this.#state(block);
    return (state & LIVE) !== 0 && (state & MAX_KEEPS) === 0 && !this.#isPinned(block);
  }

  /** This thread has the block pinned. */
  setPin(block: number): void {
    Atomics.or(this.words, this.#pinWord(block, this.#own), 1 << this.#own);
  }

  /** It has no more. */
  clearPin(block: number, index = this.#own): void {
    Atomics.and(this.words, this.#pinWord(block, index), ~(1 << index));
  }

  /** Whether thread `index` has the block pinned. */
  hasPin(block: number, index: number): boolean {
    return (Atomics.load(this.words, this.#pinWord(block, index)) & 1 << index) !== 0;
  }

  /** Counts `more` tables that keep the block, 1 or -1; false when it is not there or none or too many do. */
  addKeep({ block, generation }: Handle, more: 1 | -1): boolean {
    const at = this.#blockWord(block) + STATE;
    let seen = Atomics.load(this.words, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const keeps = seen & MAX_KEEPS;
      if (seen >>> GENERATION_SHIFT !== generation || (seen & LIVE) === 0) return false;
      if (keeps === (more > 0 ? MAX_KEEPS : 0)) return false;
      const was = Atomics.compareExchange(this.words, at, seen, seen + more);
      if (was === seen) return true;
      seen = was;
    }
    return false;
  }

  /**
   * Ends a block that nothing refers to; under the lock. A thread that pins the block at this moment either
   * sees that it is about to be free, or its bit is seen here.
   *
   * @returns Whether the block is free now.
   */
  end(block: number): boolean {
    const words = this.words;
    const at = this.#blockWord(block) + STATE;
    const seen = Atomics.load(words, at);
    if ((seen & LIVE) === 0) return true;
    if ((seen & MAX_KEEPS) !== 0 || this.#isPinned(block)) {
      // Its last owner of the lock may have been about to end it.
      if ((seen & CLOSING) !== 0) Atomics.and(words, at, ~CLOSING);
      return false;
    }
    const closing = seen | CLOSING;
    const next = nextGeneration(seen);
    if (Atomics.compareExchange(words, at, seen, closing) !== seen) return false;
    if (!this.#isPinned(block) && Atomics.compareExchange(words, at, closing, next) === closing) {
      return true;
    }
    Atomics.and(words, at, ~CLOSING);
    return false;
  }

  /** Ends a block of a page that has no class, where none can be; under the lock. */
  endAnyway(block: number): void {
    const state = this.#state(block);
    if ((state & LIVE) === 0) return;
    Atomics.store(this.words, this.#blockWord(block) + STATE, nextGeneration(state));
  }

  #state(block: number): number {
    return Atomics.load(this.words, this.#blockWord(block) + STATE);
  }

  #isPinned(block: number): boolean {
    const first = this.#blockWord(block) + PINS;
    for (let at = first; at < first + this.#blockWords - PINS; at++) {
      if (Atomics.load(this.words, at) !== 0) return true;
    }
    return false;
  }

  /** Where the bit of thread `index` is; which one it is, a shift by the index says. */
  #pinWord(block: number, index: number): number {
    return this.#blockWord(block) + PINS + (index >>> 5);
  }

  #blockWord(block: number): number {
    return this.#places.blocks + block * this.#blockWords;
  }
}
