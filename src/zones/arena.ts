/**
 * The kind `arena`: blocks of bytes that all threads see, for bodies that one thread stores and others send.
 *
 * Memory is cut into pages of 64 KiB; a page in use holds blocks of one size, a power of two from 1 KiB on.
 * Larger bodies are several blocks. Each block counts its references: pins of threads that read or fill it,
 * and one for each table that keeps it. Pins are also listed for each thread, so those of a lost thread can be
 * given back. With the last reference the block is free, and its generation grows: a handle that is older
 * finds nothing.
 *
 * Blocks are taken and freed under one lock in a bounded number of steps; pinning is one compare-and-exchange.
 * Each block counts in full against the budget of its instance, so the sum over all instances is what is
 * taken.
 *
 * @module
 */
import { KEEPER, type KeeperCall, type Layout, type ThreadSlot } from "./layout.ts";
import { lock, unlock } from "./lock.ts";

const PAGE_BYTES = 64 * 1024;
const UNIT_BYTES = 1024;
const BLOCKS_PER_PAGE = PAGE_BYTES / UNIT_BYTES;
/** Sizes of blocks: 1, 2, 4 ... 64 KiB. */
const CLASSES = 7;

/** Largest block. */
export const MAX_BLOCK_BYTES = PAGE_BYTES;

/** Most instances with a budget of their own. */
export const MAX_INSTANCES = 256;

/** Pins that one thread may hold at a time. */
export const MAX_PINS = 4096;

/** How long a thread waits for the lock; after that the next call does not wait. */
const LOCK_WAIT_MS = 1000;

/** Attempts against other threads to change a count of references. Each one that fails is another's success. */
const MAX_ATTEMPTS = 10_000;

// Header words.
const LOCK = 0;
/** First page that is free again, as its number plus one, and how many pages were ever used. */
const FREE_PAGE = 1;
const USED_PAGES = 2;
/** First page of each class with a free block. */
const PARTIAL = 3;
/** Units taken by each instance, and how many it may take. */
const TAKEN = PARTIAL + CLASSES;
const BUDGET = TAKEN + MAX_INSTANCES;
const HEADER_WORDS = BUDGET + MAX_INSTANCES;

// Words of a pin: the block plus one, and its generation.
const PIN_WORDS = 2;

// Words of a page: its class plus one, free blocks as bits, and its neighbours among those with a free block.
const CLASS = 0;
const FREE_BITS = 1;
const NEXT = 3;
const PREVIOUS = 4;
const PAGE_WORDS = 5;

// Words of a block: generation and references in one, and whose budget it counts against.
const STATE = 0;
const INSTANCE = 1;
const BLOCK_WORDS = 2;

const REFERENCE_BITS = 12;
const MAX_REFERENCES = 2 ** REFERENCE_BITS - 1;
const GENERATIONS = 2 ** (32 - REFERENCE_BITS);

/** A block, as tables store it: two words of 32 bits. */
export interface Handle {
  readonly block: number;
  readonly generation: number;
}

/** Where the parts of an arena stand, in words, but for `data` in bytes. */
interface Places {
  readonly pins: number;
  readonly pages: number;
  readonly blocks: number;
  readonly data: number;
}

function placesOf(pageCount: number, threads: number): Places {
  const pins = HEADER_WORDS;
  const pages = pins + threads * MAX_PINS * PIN_WORDS;
  const blocks = pages + pageCount * PAGE_WORDS;
  const end = 4 * (blocks + pageCount * BLOCKS_PER_PAGE * BLOCK_WORDS);
  return { pins, pages, blocks, data: Math.ceil(end / 4096) * 4096 };
}

function bytesOf(pageCount: number, threads: number): number {
  return placesOf(pageCount, threads).data + pageCount * PAGE_BYTES;
}

/** How many pages a memory of `bytes` has room for. */
function pagesIn(bytes: number, threads: number): number {
  const perPage = PAGE_BYTES + 4 * (PAGE_WORDS + BLOCKS_PER_PAGE * BLOCK_WORDS);
  let pages = Math.floor((bytes - placesOf(0, threads).data) / perPage) + 1;
  while (pages > 0 && bytesOf(pages, threads) > bytes) pages--;
  return pages;
}

/** A pinned block: its bytes stay as they are until it is given back. */
export class Pin {
  /** @param place Where it stands in the thread's list of pins. */
  constructor(readonly handle: Handle, readonly bytes: Uint8Array, readonly place: number) {}
}

/** An arena as one thread works with it. */
export class Arena {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #places: Places;
  readonly #pageCount: number;
  readonly #ownPins: number;
  /** Places in the own list of pins that are free again, and the first that was never used. */
  readonly #freePins: number[] = [];
  #usedPins = 0;
  readonly #waitUntil: () => number;
  #isStuck = false;

  constructor(memory: SharedArrayBuffer, { index, count }: ThreadSlot, call?: KeeperCall) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.#pageCount = pagesIn(memory.byteLength, count);
    this.#places = placesOf(this.#pageCount, count);
    this.#ownPins = this.#places.pins + index * MAX_PINS * PIN_WORDS;
    this.#waitUntil = call === undefined
      ? () => this.#isStuck ? 0 : performance.now() + LOCK_WAIT_MS
      : () => call.waitUntil;
  }

  /** Bytes that `instance` has taken, whole blocks. */
  taken(instance: number): number {
    return Atomics.load(this.#words, TAKEN + instance) * UNIT_BYTES;
  }

  /**
   * Takes a block, pinned for this thread, which alone knows it.
   *
   * @param bytes At most {@linkcode MAX_BLOCK_BYTES}.
   * @returns `undefined` when the budget of `instance`, the arena or the thread's list of pins is full.
   */
  take(bytes: number, instance: number): Pin | undefined {
    const sizeClass = classOf(bytes);
    if (sizeClass < 0 || instance < 0 || instance >= MAX_INSTANCES) return undefined;
    const place = this.#pinPlace();
    if (place < 0) return undefined;
    const units = 1 << sizeClass;
    const words = this.#words;
    if (Atomics.add(words, TAKEN + instance, units) + units > words[BUDGET + instance]) {
      Atomics.sub(words, TAKEN + instance, units);
      this.#freePins.push(place);
      return undefined;
    }
    let block = -1;
    try {
      block = this.#locked(() => this.#takeBlock(sizeClass));
    } finally {
      if (block < 0) {
        Atomics.sub(words, TAKEN + instance, units);
        this.#freePins.push(place);
      }
    }
    if (block < 0) return undefined;
    const at = this.#blockWord(block);
    words[at + INSTANCE] = instance;
    const generation = Atomics.load(words, at + STATE) >>> REFERENCE_BITS;
    Atomics.store(words, at + STATE, (generation << REFERENCE_BITS) | 1);
    return this.#pinned({ block, generation }, place);
  }

  /**
   * Pins a block for this thread.
   *
   * @returns `undefined` when it is no longer there, or has too many readers.
   */
  pin(handle: Handle): Pin | undefined {
    const place = this.#pinPlace();
    if (place < 0) return undefined;
    if (this.#reference(handle)) return this.#pinned(handle, place);
    this.#freePins.push(place);
    return undefined;
  }

  /** Gives back a pin of this thread; once. */
  unpin({ handle, place }: Pin): void {
    this.#words[this.#ownPins + place * PIN_WORDS] = 0;
    this.#freePins.push(place);
    this.#dereference(handle);
  }

  /** A table keeps the block, which this thread has pinned: it stays when no thread pins it. */
  keep({ handle }: Pin): boolean {
    return this.#reference(handle);
  }

  /** The table that kept the block keeps it no more. For each {@linkcode Arena.keep} once, by any thread. */
  drop(handle: Handle): void {
    this.#dereference(handle);
  }

  /** Gives back the pins of a lost thread. For the keeper. */
  reclaim(lost: number): void {
    const words = this.#words;
    const first = this.#places.pins + lost * MAX_PINS * PIN_WORDS;
    for (let at = first; at < first + MAX_PINS * PIN_WORDS; at += PIN_WORDS) {
      const block = words[at] - 1;
      if (block < 0) continue;
      words[at] = 0;
      this.#dereference({ block, generation: words[at + 1] });
    }
  }

  /** Sets how many bytes each instance may take, by its number. */
  setBudgets(budgets: readonly number[]): void {
    for (let instance = 0; instance < MAX_INSTANCES; instance++) {
      const units = Math.floor((budgets[instance] ?? 0) / UNIT_BYTES);
      Atomics.store(this.#words, BUDGET + instance, units);
    }
  }

  #pinned(handle: Handle, place: number): Pin {
    const words = this.#words;
    const at = this.#ownPins + place * PIN_WORDS;
    words[at + 1] = handle.generation;
    words[at] = handle.block + 1;
    return new Pin(handle, this.#bytes(handle.block), place);
  }

  #pinPlace(): number {
    const place = this.#freePins.pop();
    if (place !== undefined) return place;
    return this.#usedPins < MAX_PINS ? this.#usedPins++ : -1;
  }

  #bytes(block: number): Uint8Array {
    const sizeClass = this.#classAt(this.#pageOf(block));
    const at = this.#places.data + block * UNIT_BYTES;
    return new Uint8Array(this.#memory, at, UNIT_BYTES << sizeClass);
  }

  /** Counts one reference more, if the block is that of the handle and has one. */
  #reference({ block, generation }: Handle): boolean {
    if (!this.#isBlock(block)) return false;
    const at = this.#blockWord(block) + STATE;
    let seen = Atomics.load(this.#words, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const references = seen & MAX_REFERENCES;
      if (seen >>> REFERENCE_BITS !== generation) return false;
      if (references === 0 || references === MAX_REFERENCES) return false;
      const was = Atomics.compareExchange(this.#words, at, seen, seen + 1);
      if (was === seen) return true;
      seen = was;
    }
    return false;
  }

  /** Counts one reference less; the block is free with the last. One that is not there is left alone. */
  #dereference({ block, generation }: Handle): void {
    if (!this.#isBlock(block)) return;
    const at = this.#blockWord(block) + STATE;
    let seen = Atomics.load(this.#words, at);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const references = seen & MAX_REFERENCES;
      if (seen >>> REFERENCE_BITS !== generation || references === 0) return;
      const next = references > 1 ? seen - 1 : ((generation + 1) % GENERATIONS) << REFERENCE_BITS;
      const was = Atomics.compareExchange(this.#words, at, seen, next);
      if (was === seen) {
        if (references === 1) this.#free(block);
        return;
      }
      seen = was;
    }
  }

  #free(block: number): void {
    const instance = this.#words[this.#blockWord(block) + INSTANCE];
    const units = this.#locked(() => this.#freeBlock(block));
    if (instance >= 0 && instance < MAX_INSTANCES) {
      Atomics.sub(this.#words, TAKEN + instance, units);
    }
  }

  /** @throws When the lock is not freed in time, or the arena is not in order. */
  #locked(change: () => number): number {
    this.#isStuck = !lock(this.#words, LOCK, this.#waitUntil);
    if (this.#isStuck) throw new Error("a lock that is never freed");
    try {
      return change();
    } finally {
      unlock(this.#words, LOCK);
    }
  }

  #takeBlock(sizeClass: number): number {
    const words = this.#words;
    const page = this.#page(words[PARTIAL + sizeClass]) || this.#newPage(sizeClass);
    if (page === 0) return -1;
    const at = this.#pageWord(page);
    const half = words[at + FREE_BITS] !== 0 ? 0 : 1;
    const bits = words[at + FREE_BITS + half];
    if (bits === 0) throw new Error(`a page ${page} without a free block`);
    const bit = 31 - Math.clz32(bits & -bits);
    words[at + FREE_BITS + half] = bits & ~(1 << bit);
    if (words[at + FREE_BITS] === 0 && words[at + FREE_BITS + 1] === 0) {
      this.#unlink(page, sizeClass);
    }
    const ordinal = half * 32 + bit;
    if (ordinal >= blocksOf(sizeClass)) throw new Error(`a block ${ordinal} of page ${page}`);
    return (page - 1) * BLOCKS_PER_PAGE + (ordinal << sizeClass);
  }

  /** A page of its own for `sizeClass`, or 0. */
  #newPage(sizeClass: number): number {
    const words = this.#words;
    let page = this.#page(words[FREE_PAGE]);
    if (page !== 0) words[FREE_PAGE] = words[this.#pageWord(page) + NEXT];
    else if (words[USED_PAGES] >= 0 && words[USED_PAGES] < this.#pageCount) {
      page = ++words[USED_PAGES];
    } else return 0;
    const at = this.#pageWord(page);
    const [low, high] = allFree(sizeClass);
    words[at + CLASS] = sizeClass + 1;
    words[at + FREE_BITS] = low;
    words[at + FREE_BITS + 1] = high;
    this.#link(page, sizeClass);
    return page;
  }

  /** Returns the units of the block. */
  #freeBlock(block: number): number {
    const words = this.#words;
    const page = this.#pageOf(block);
    const sizeClass = this.#classAt(page);
    const at = this.#pageWord(page);
    const ordinal = (block % BLOCKS_PER_PAGE) >> sizeClass;
    const half = ordinal >> 5;
    const bit = 1 << (ordinal & 31);
    if ((words[at + FREE_BITS + half] & bit) !== 0) {
      throw new Error(`block ${block} is free already`);
    }
    if (words[at + FREE_BITS] === 0 && words[at + FREE_BITS + 1] === 0) this.#link(page, sizeClass);
    words[at + FREE_BITS + half] |= bit;
    const [low, high] = allFree(sizeClass);
    if (words[at + FREE_BITS] === low && words[at + FREE_BITS + 1] === high) {
      this.#unlink(page, sizeClass);
      words[at + CLASS] = 0;
      words[at + NEXT] = words[FREE_PAGE];
      words[FREE_PAGE] = page;
    }
    return 1 << sizeClass;
  }

  #link(page: number, sizeClass: number): void {
    const words = this.#words;
    const first = this.#page(words[PARTIAL + sizeClass]);
    const at = this.#pageWord(page);
    words[at + NEXT] = first;
    words[at + PREVIOUS] = 0;
    if (first !== 0) words[this.#pageWord(first) + PREVIOUS] = page;
    words[PARTIAL + sizeClass] = page;
  }

  #unlink(page: number, sizeClass: number): void {
    const words = this.#words;
    const at = this.#pageWord(page);
    const next = this.#page(words[at + NEXT]);
    const previous = this.#page(words[at + PREVIOUS]);
    if (previous === 0) words[PARTIAL + sizeClass] = next;
    else words[this.#pageWord(previous) + NEXT] = next;
    if (next !== 0) words[this.#pageWord(next) + PREVIOUS] = previous;
  }

  #isBlock(block: number): boolean {
    return block >= 0 && block < this.#pageCount * BLOCKS_PER_PAGE;
  }

  /** Number plus one of the page of a block. */
  #pageOf(block: number): number {
    return Math.floor(block / BLOCKS_PER_PAGE) + 1;
  }

  #classAt(page: number): number {
    const sizeClass = this.#words[this.#pageWord(page) + CLASS] - 1;
    if (sizeClass < 0 || sizeClass >= CLASSES) {
      throw new Error(`page ${page} of class ${sizeClass}`);
    }
    return sizeClass;
  }

  /** `page`, which stood in the memory, if it can be one, or 0. */
  #page(page: number): number {
    if (page < 0 || page > this.#pageCount) throw new Error(`page ${page} of ${this.#pageCount}`);
    return page;
  }

  #pageWord(page: number): number {
    return this.#places.pages + (page - 1) * PAGE_WORDS;
  }

  #blockWord(block: number): number {
    return this.#places.blocks + block * BLOCK_WORDS;
  }
}

/** The class of the smallest block with `bytes`, or -1. */
function classOf(bytes: number): number {
  if (!(bytes > 0) || bytes > MAX_BLOCK_BYTES) return -1;
  return Math.max(0, Math.ceil(Math.log2(bytes / UNIT_BYTES)));
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

/** Room of an arena. */
export interface ArenaSize {
  /** Bytes of all blocks, a multiple of 64 KiB or rounded up to one. */
  readonly bytes: number;
}

/** What a configuration sets. */
export interface ArenaSettings {
  /** Bytes that each instance may take, by its number. */
  readonly budgets: readonly number[];
}

/** The kind `arena`. */
export const arena: Layout<Arena, ArenaSize, ArenaSettings> = {
  kind: "arena",
  parts: "shared",
  mayBeLarger: true,
  bytes: ({ bytes }, threads) => bytesOf(Math.ceil(bytes / PAGE_BYTES), threads),
  open: (memory, own) => new Arena(memory, own),
  apply: (memory, { budgets }, call) => ofKeeper(memory, call).setBudgets(budgets),
  reclaim: (memory, { index }, call) => ofKeeper(memory, call).reclaim(index),
};

function ofKeeper(memory: SharedArrayBuffer, call: KeeperCall): Arena {
  return new Arena(memory, { index: KEEPER, count: call.threads }, call);
}
