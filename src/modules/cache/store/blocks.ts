/**
 * The blocks of one body: written down in blocks of their own, so that whichever thread lets go of an object
 * last can free all of them.
 *
 * @module
 */
import { type Arena, MAX_BLOCK_BYTES, type Pin } from "../../../zones/arena/arena.ts";

/** A block, as lists have it. */
export interface BlockHandle {
  readonly block: number;
  readonly generation: number;
}

// Words of a block that lists others: the next such block plus one, its generation, and how many it lists.
const NEXT_MAP = 0;
const NEXT_GENERATION = 1;
const COUNT = 2;
const FIRST = 4;
/** Words of an entry: block, generation, bytes. */
const ENTRY_WORDS = 3;
/** Most lists that one body has; they have room for more than the largest body. */
const MAX_MAPS = 65_536;

/** Words of a block with a list. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

/** Bytes of a list of `count` blocks, at most those of a block. */
export function mapBytes(count: number): number {
  return Math.min(MAX_BLOCK_BYTES, 4 * (FIRST + ENTRY_WORDS * count));
}

/**
 * The bytes of a block that something keeps. The pin is given back at once: what keeps the block keeps its
 * bytes.
 */
export function viewOf(arena: Arena, handle: BlockHandle): Uint8Array | undefined {
  const pin = arena.pin(handle);
  if (pin === undefined) return undefined;
  arena.unpin(pin);
  return pin.bytes;
}

/** A list that is being written. */
export class BlockList {
  readonly #words: Int32Array;

  constructor(pin: Pin) {
    this.#words = wordsOf(pin.bytes);
    this.#words[NEXT_MAP] = this.#words[COUNT] = 0;
  }

  get isFull(): boolean {
    return FIRST + ENTRY_WORDS * (this.#words[COUNT] + 1) > this.#words.length;
  }

  add({ block, generation }: BlockHandle, bytes: number): void {
    const at = FIRST + ENTRY_WORDS * this.#words[COUNT];
    this.#words[at] = block;
    this.#words[at + 1] = generation;
    this.#words[at + 2] = bytes;
    Atomics.add(this.#words, COUNT, 1);
  }

  /** The list goes on in another block. */
  goOn({ block, generation }: BlockHandle): void {
    this.#words[NEXT_GENERATION] = generation;
    Atomics.store(this.#words, NEXT_MAP, block + 1);
  }
}

/** Goes through the blocks of a body. */
export class BlockCursor {
  /** The block at the cursor; `undefined` before the first and after the last. */
  bytes: Uint8Array | undefined;
  /** Where it begins in the body. */
  start = 0;
  length = 0;
  readonly #arena: Arena;
  #map: Int32Array | undefined;
  #entry = 0;

  constructor(arena: Arena, map: BlockHandle) {
    this.#arena = arena;
    this.#map = this.#open(map);
  }

  /** Moves to the block with the byte `at`, which is not before the cursor; returns whether there is one. */
  seek(at: number): boolean {
    while (this.bytes === undefined || at >= this.start + this.length) {
      if (!this.#next(at)) return false;
    }
    return true;
  }

  #next(at: number): boolean {
    const entry = this.#take();
    if (entry === undefined) return false;
    if (this.bytes !== undefined) this.start += this.length;
    const { handle, length } = entry;
    this.length = length;
    // Blocks before the one that is wanted are passed over unseen.
    this.bytes = at >= this.start + length ? EMPTY : viewOf(this.#arena, handle);
    return this.bytes !== undefined && length > 0;
  }

  #take(): { readonly handle: BlockHandle; readonly length: number } | undefined {
    for (;;) {
      const map = this.#map;
      if (map === undefined) return undefined;
      if (this.#entry < Atomics.load(map, COUNT)) {
        const at = FIRST + ENTRY_WORDS * this.#entry++;
        const length = map[at + 2];
        if (at + 2 >= map.length || length < 0 || length > MAX_BLOCK_BYTES) return undefined;
        return { handle: { block: map[at], generation: map[at + 1] }, length };
      }
      const next = Atomics.load(map, NEXT_MAP) - 1;
      if (next < 0) return undefined;
      this.#map = this.#open({ block: next, generation: map[NEXT_GENERATION] });
      this.#entry = 0;
    }
  }

  #open(handle: BlockHandle): Int32Array | undefined {
    const bytes = viewOf(this.#arena, handle);
    return bytes && wordsOf(bytes);
  }
}

const EMPTY = new Uint8Array(0);

/** Calls `each` for all blocks of a body, those with its lists included. */
export function forEachBlock(
  arena: Arena,
  first: BlockHandle,
  each: (handle: BlockHandle) => void,
): void {
  let map: BlockHandle | undefined = first;
  for (let maps = 0; map !== undefined && maps < MAX_MAPS; maps++) {
    const bytes = viewOf(arena, map);
    if (bytes === undefined) return;
    const words = wordsOf(bytes);
    const count = Math.min(words[COUNT], Math.floor((words.length - FIRST) / ENTRY_WORDS));
    for (let i = 0; i < count; i++) {
      const at = FIRST + ENTRY_WORDS * i;
      each({ block: words[at], generation: words[at + 1] });
    }
    const next: number = words[NEXT_MAP] - 1;
    const generation: number = words[NEXT_GENERATION];
    each(map);
    map = next < 0 ? undefined : { block: next, generation };
  }
}
