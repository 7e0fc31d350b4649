/**
 * The memory tier: objects whose heads and bodies lie in blocks that all workers see, found by the index.
 *
 * @module
 */
import { type Arena, MAX_BLOCK_BYTES, type Pin } from "../../../zones/arena/arena.ts";
import type { KeyHash } from "./index.ts";
import type { CacheIndex, Held, VarianceHash } from "./index.ts";
import {
  BlockCursor,
  type BlockHandle,
  BlockList,
  forEachBlock,
  mapBytes,
  viewOf,
} from "./blocks.ts";
import { DecodedMeta, decodeMeta, encodeMeta, type ObjectMeta, varyHash } from "./meta.ts";
import {
  ADVANCED,
  DATED,
  EXPIRES,
  IF_ERROR,
  INLINE_AT,
  LENGTH,
  MAP,
  MAP_GENERATION,
  META,
  META_GENERATION,
  SERIAL,
  STORED,
  UNITS,
  WHILE_REVALIDATE,
} from "./slot_words.ts";

/** The number of the one instance of an arena. */
const INSTANCE = 0;
/** Most objects that are evicted for one block. */
const MAX_EVICTIONS = 4096;
/** Decoded heads that a thread keeps; a power of two. */
const DECODED = 4096;
/** Objects up to this size lie in one block with their head, whatever that leaves unused. */
const INLINE_BYTES = 16 * 1024;
/** First block of a body whose length is not known; each further one is twice as large. */
const FIRST_BLOCK_BYTES = 4096;
/**
 * How much bodies whose length is not known may have taken while they still have others evicted, as a part of
 * all: past it they get what is free, and nothing else. What is not known to fit must not empty the cache.
 */
const UNSIZED_SHARE = 1 / 16;

/** Times of an object, in milliseconds since 1970. */
export interface Times {
  /** When its age was 0. */
  readonly datedMs: number;
  readonly expiresMs: number;
  /** Ends of the stale windows. */
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

/** A memory tier as one thread works with it. */
export class MemoryStore {
  readonly #decoded: ({ serial: number; slot: number; meta: DecodedMeta } | undefined)[] = [];

  constructor(
    readonly arena: Arena,
    readonly index: CacheIndex,
    readonly budget: number,
  ) {
    index.free = (slot) => this.#free(slot);
  }

  /** KiB in use, in bytes. */
  get taken(): number {
    return this.arena.taken(INSTANCE);
  }

  /** The head of what `slot`, which is held, has; `undefined` when it is damaged. */
  meta(slot: number): DecodedMeta | undefined {
    const { words } = this.index;
    const at = this.index.at(slot);
    const serial = words[at + SERIAL];
    const kept = this.#decoded[slot & (DECODED - 1)];
    if (kept !== undefined && kept.slot === slot && kept.serial === serial) return kept.meta;
    const bytes = viewOf(this.arena, handleAt(words, at + META));
    if (bytes === undefined) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (length > bytes.length - 4) return undefined;
    const meta = decodeMeta(bytes.slice(4, 4 + length));
    if (meta === undefined) return undefined;
    const decoded = new DecodedMeta(meta);
    this.#decoded[slot & (DECODED - 1)] = { serial, slot, meta: decoded };
    return decoded;
  }

  /** Begins to fill a claimed slot; `undefined` when there is no room for as much as is known of it. */
  begin(
    held: Held,
    meta: ObjectMeta,
    times: Times,
    variance: VarianceHash,
    length: number | undefined,
  ): Fill | undefined {
    const fill = new Fill(this, held, length);
    if (
      fill.reserve(meta, times) &&
      this.index.beginFilling(held, variance, varyHash(meta.vary))
    ) return fill;
    fill.end();
    return undefined;
  }

  /** An object with the body of `old` and another head, in the claimed slot `held`. */
  renew(
    held: Held,
    old: Held,
    meta: ObjectMeta,
    times: Times,
    variance: VarianceHash,
  ): Fill | undefined {
    const length = this.index.float(old.slot, LENGTH);
    const { words } = this.index;
    const isInline = words[this.index.at(old.slot) + INLINE_AT] > 0;
    const fill = new Fill(this, held, length);
    const hasRoom = isInline ? fill.reserve(meta, times) : fill.reserveHead(meta, times, old.slot);
    if (!hasRoom) return undefined;
    if (isInline) {
      const body = this.inline(old.slot);
      if (body === undefined || !fill.write(body)) return undefined;
    }
    return this.index.beginFilling(held, variance, varyHash(meta.vary)) ? fill : undefined;
  }

  /** The body of an object that lies with its head. */
  inline(slot: number): Uint8Array | undefined {
    const { words } = this.index;
    const at = this.index.at(slot);
    const from = words[at + INLINE_AT];
    if (from === 0) return undefined;
    const bytes = viewOf(this.arena, handleAt(words, at + META));
    return bytes?.subarray(from, from + this.index.float(slot, LENGTH));
  }

  /** The blocks of the body of `slot`, which is held. */
  cursor(slot: number): BlockCursor {
    return new BlockCursor(this.arena, handleAt(this.index.words, this.index.at(slot) + MAP));
  }

  /** Takes a block, for which objects are evicted that were not used lately. */
  take(bytes: number, isUnsized: boolean): Pin | undefined {
    let pin = this.arena.take(bytes, INSTANCE);
    if (
      pin === undefined && isUnsized && this.index.unsized * 1024 >= this.budget * UNSIZED_SHARE
    ) {
      return undefined;
    }
    for (let count = 0; pin === undefined && count < MAX_EVICTIONS; count++) {
      if (!this.index.evict()) return undefined;
      pin = this.arena.take(bytes, INSTANCE);
    }
    return pin;
  }

  #free(slot: number): void {
    const { words } = this.index;
    const at = this.index.at(slot);
    const drop = (handle: BlockHandle) => this.arena.drop(handle);
    if (words[at + MAP] > 0) forEachBlock(this.arena, handleAt(words, at + MAP), drop);
    if (words[at + META] > 0) drop(handleAt(words, at + META));
    words[at + MAP] = words[at + META] = 0;
  }
}

function handleAt(words: Int32Array, at: number): BlockHandle {
  return { block: words[at] - 1, generation: words[at + 1] };
}

/** An object that is coming into a slot. */
export class Fill {
  readonly #store: MemoryStore;
  #list: BlockList | undefined;
  /** Blocks that are reserved and not full, with how much of them is written. */
  readonly #open: { readonly bytes: Uint8Array; at: number }[] = [];
  #stored = 0;
  #reserved = 0;
  #isInline = false;
  #unsized = 0;
  #nextBytes = FIRST_BLOCK_BYTES;

  constructor(
    store: MemoryStore,
    readonly held: Held,
    /** Of the body, where it is known. */
    readonly length: number | undefined,
  ) {
    this.#store = store;
  }

  /** Bytes written. */
  get stored(): number {
    return this.#stored;
  }

  /** Takes room for the head, and for the body where its length is known. */
  reserve(meta: ObjectMeta, times: Times): boolean {
    const head = encodeMeta(meta);
    if (head === undefined) return false;
    const { length } = this;
    const from = 4 + head.length;
    const bytes = from + (length ?? MAX_BLOCK_BYTES);
    this.#isInline = bytes <= INLINE_BYTES || (bytes <= MAX_BLOCK_BYTES && !isWasteful(bytes));
    if (!this.#putHead(head, times, this.#isInline ? bytes : from)) return false;
    if (length === undefined || this.#isInline) return true;
    for (let left = length; left > 0;) {
      const bytes = left >= MAX_BLOCK_BYTES ? MAX_BLOCK_BYTES : fittingBlock(left);
      if (!this.#addBlock(bytes, Math.min(bytes, left), length)) return false;
      left -= bytes;
    }
    return true;
  }

  /** Takes room for a head, and shares the body of `other`, whose blocks are kept once more. */
  reserveHead(meta: ObjectMeta, times: Times, other: number): boolean {
    const head = encodeMeta(meta);
    if (head === undefined || !this.#putHead(head, times, 4 + head.length)) return false;
    const { arena, index } = this.#store;
    const map = handleAt(index.words, index.at(other) + MAP);
    const kept: BlockHandle[] = [];
    let isWhole = true;
    forEachBlock(arena, map, (handle) => {
      const pin = isWhole ? arena.pin(handle) : undefined;
      isWhole = pin !== undefined && arena.keep(pin);
      if (isWhole) kept.push(handle);
      if (pin !== undefined) arena.unpin(pin);
    });
    if (!isWhole) {
      for (const handle of kept) arena.drop(handle);
      return false;
    }
    const at = index.at(this.held.slot);
    const { words } = index;
    words[at + MAP] = map.block + 1;
    words[at + MAP_GENERATION] = map.generation;
    words[at + UNITS] += words[index.at(other) + UNITS];
    this.#stored = this.length ?? 0;
    index.setFloat(this.held.slot, STORED, this.#stored);
    return true;
  }

  /** Adds bytes to the body; returns whether there was room for all of them. */
  write(bytes: Uint8Array): boolean {
    const { index } = this.#store;
    if (this.length !== undefined && this.#stored + bytes.length > this.length) return false;
    for (let from = 0; from < bytes.length;) {
      const open = this.#open[0];
      if (open === undefined) {
        if (!this.#addBlock(this.#nextBytes, this.#nextBytes, undefined)) return false;
        this.#nextBytes = Math.min(MAX_BLOCK_BYTES, this.#nextBytes * 2);
        continue;
      }
      const count = Math.min(open.bytes.length - open.at, bytes.length - from);
      open.bytes.set(bytes.subarray(from, from + count), open.at);
      open.at += count;
      from += count;
      if (open.at === open.bytes.length) this.#open.shift();
    }
    this.#stored += bytes.length;
    index.setFloat(this.held.slot, STORED, this.#stored);
    index.setFloat(this.held.slot, ADVANCED, Date.now());
    index.notify(this.held.slot);
    return true;
  }

  /** The body is whole; returns whether the object is stored. */
  complete(key: KeyHash): boolean {
    const { index } = this.#store;
    if (this.length === undefined) index.setFloat(this.held.slot, LENGTH, this.#stored);
    this.end();
    if (!index.complete(this.held, key)) return false;
    index.count("stores");
    return true;
  }

  /** The object is not stored; `flags` say to waiters what to do. */
  abandon(flags: number): void {
    this.end();
    this.#store.index.remove(this.held.slot, this.held.generation, flags);
  }

  /** No more is taken for it. */
  end(): void {
    if (this.#unsized > 0) this.#store.index.addUnsized(-this.#unsized);
    this.#unsized = 0;
  }

  #putHead(head: Uint8Array, times: Times, bytes: number): boolean {
    const pin = this.#take(bytes);
    if (pin === undefined) return false;
    const { index, arena } = this.#store;
    const { slot } = this.held;
    const { words } = index;
    const at = index.at(slot);
    new DataView(pin.bytes.buffer, pin.bytes.byteOffset).setUint32(0, head.length);
    pin.bytes.set(head, 4);
    words[at + META] = pin.handle.block + 1;
    words[at + META_GENERATION] = pin.handle.generation;
    words[at + INLINE_AT] = this.#isInline ? 4 + head.length : 0;
    if (this.#isInline) {
      const from = 4 + head.length;
      this.#open.push({ bytes: pin.bytes.subarray(from, from + this.length!), at: 0 });
    }
    index.setFloat(slot, LENGTH, this.length ?? -1);
    index.setFloat(slot, DATED, times.datedMs);
    index.setFloat(slot, EXPIRES, times.expiresMs);
    index.setFloat(slot, WHILE_REVALIDATE, times.whileRevalidateMs);
    index.setFloat(slot, IF_ERROR, times.ifErrorMs);
    arena.unpin(pin);
    return true;
  }

  /** Takes a block that the object keeps; it stays pinned until it is written down where. */
  #take(bytes: number): Pin | undefined {
    const { arena, index } = this.#store;
    const isUnsized = this.length === undefined;
    const pin = this.#store.take(bytes, isUnsized);
    if (pin === undefined) return undefined;
    if (!arena.keep(pin)) {
      arena.unpin(pin);
      return undefined;
    }
    const units = pin.bytes.length / 1024;
    index.words[index.at(this.held.slot) + UNITS] += units;
    if (isUnsized) {
      this.#unsized += units;
      index.addUnsized(units);
    }
    return pin;
  }

  #addBlock(bytes: number, used: number, total: number | undefined): boolean {
    const { arena } = this.#store;
    if ((this.#list === undefined || this.#list.isFull) && !this.#addList(total)) return false;
    const pin = this.#take(bytes);
    if (pin === undefined) return false;
    this.#list?.add(pin.handle, used);
    this.#open.push({ bytes: pin.bytes.subarray(0, used), at: 0 });
    this.#reserved += used;
    arena.unpin(pin);
    return true;
  }

  #addList(total: number | undefined): boolean {
    const { arena, index } = this.#store;
    const left = total === undefined ? undefined : total - this.#reserved;
    const blocks = left === undefined ? 64 : Math.ceil(left / MAX_BLOCK_BYTES) + 7;
    const pin = this.#take(mapBytes(blocks));
    if (pin === undefined) return false;
    const list = new BlockList(pin);
    if (this.#list === undefined) {
      const at = index.at(this.held.slot);
      index.words[at + MAP] = pin.handle.block + 1;
      index.words[at + MAP_GENERATION] = pin.handle.generation;
    } else this.#list.goOn(pin.handle);
    this.#list = list;
    arena.unpin(pin);
    return true;
  }
}

/** The largest block for `left` bytes of which at most a quarter stays unused, and smaller ones follow. */
function fittingBlock(left: number): number {
  const whole = 2 ** Math.ceil(Math.log2(Math.max(1024, left)));
  return isWasteful(left) && whole > 1024 ? whole / 2 : whole;
}

/** Whether one block for `bytes` would leave more than a quarter of it unused. */
function isWasteful(bytes: number): boolean {
  const whole = 2 ** Math.ceil(Math.log2(Math.max(1024, bytes)));
  return whole > 1024 && bytes < whole * 0.75;
}
