/**
 * The kind `arena`: blocks of bytes that all threads see, for bodies that one thread stores and others send.
 *
 * Memory is cut into pages of 64 KiB; a page in use holds blocks of one size, a power of two from 1 KiB on.
 * Larger bodies are several blocks. A block stays while a thread that reads or fills it has it pinned, and
 * while a table keeps it. After the last of them the block is free, and its generation grows: a handle that is
 * older finds nothing.
 *
 * Blocks are taken and freed under one lock in a bounded number of steps (`arena_pages.ts`); pinning is one
 * atomic operation on a bit of the thread's own (`arena_memory.ts`). A thread can be lost between any two
 * instructions: the keeper clears its bits and frees what nothing refers to. Each block counts in full against
 * the budget of its instance, so the sum over all instances is what is taken.
 *
 * The one thing that only the user of an arena can know is which table keeps a block. A thread that is lost
 * after {@linkcode Arena.keep} and before its table has the handle leaves a block that stays.
 *
 * @module
 */
import {
  ArenaMemory,
  BLOCKS_PER_PAGE,
  bytesOf,
  type Handle,
  MAX_INSTANCES,
  PAGE_BYTES,
  UNIT_BYTES,
} from "./arena_memory.ts";
import { ArenaPages } from "./arena_pages.ts";
import { KEEPER, type KeeperCall, type Layout, type ThreadSlot } from "../layout.ts";

export { type Handle, MAX_INSTANCES } from "./arena_memory.ts";

/** Largest block. */
export const MAX_BLOCK_BYTES = PAGE_BYTES;

/** Pins that one thread may hold at a time. */
export const MAX_PINS = 4096;

/** A pinned block: its bytes stay as they are until it is given back. */
export class Pin {
  constructor(readonly handle: Handle, readonly bytes: Uint8Array) {}
}

/** A block that this thread has pinned, and how often. */
interface Pinned {
  readonly handle: Handle;
  readonly bytes: Uint8Array;
  pins: number;
}

/** An arena as one thread works with it. */
export class Arena {
  readonly #memory: ArenaMemory;
  readonly #pages: ArenaPages;
  /** By number of the block. The other threads see one bit for each, however many pins there are. */
  readonly #pinned = new Map<number, Pinned>();
  #pins = 0;

  constructor(memory: SharedArrayBuffer, own: ThreadSlot, call?: KeeperCall) {
    this.#memory = new ArenaMemory(memory, own);
    this.#pages = new ArenaPages(this.#memory, own, call);
  }

  /** Bytes that `instance` has taken, whole blocks. */
  taken(instance: number): number {
    return this.#pages.taken(instance);
  }

  /**
   * Takes a block, pinned for this thread, which alone knows it.
   *
   * @param bytes At most {@linkcode MAX_BLOCK_BYTES}.
   * @returns `undefined` when the budget of `instance`, the arena or the thread's list of pins is full.
   * @throws When the lock is not freed in time, or the arena is not in order.
   */
  take(bytes: number, instance: number): Pin | undefined {
    const sizeClass = classFor(bytes);
    if (sizeClass < 0 || !(instance >= 0 && instance < MAX_INSTANCES)) return undefined;
    if (this.#pins >= MAX_PINS) return undefined;
    const block = this.#pages.take(sizeClass, instance);
    return block < 0 ? undefined : this.#hold(this.#memory.handleOf(block));
  }

  /**
   * Pins a block for this thread.
   *
   * @returns `undefined` when it is no longer there, or the thread's list of pins is full.
   */
  pin(handle: Handle): Pin | undefined {
    const { block, generation } = handle;
    if (!this.#memory.isBlock(block) || this.#pins >= MAX_PINS) return undefined;
    const pinned = this.#pinned.get(block);
    if (pinned !== undefined) {
      return pinned.handle.generation === generation ? this.#again(pinned) : undefined;
    }
    if (!this.#memory.isThere(handle)) return undefined;
    // The bit first: a thread that frees the block looks for it after it has marked the block.
    this.#memory.setPin(block);
    if (this.#memory.isThere(handle)) return this.#hold(handle);
    this.#release(block);
    return undefined;
  }

  /** Gives back a pin of this thread; once. */
  unpin({ handle: { block, generation } }: Pin): void {
    const pinned = this.#pinned.get(block);
    if (pinned === undefined || pinned.handle.generation !== generation) return;
    this.#pins--;
    if (--pinned.pins > 0) return;
    this.#pinned.delete(block);
    this.#release(block);
  }

  /** A table keeps the block, which this thread has pinned: it stays when no thread pins it. */
  keep({ handle }: Pin): boolean {
    return this.#memory.addKeep(handle, 1);
  }

  /** The table that kept the block keeps it no more. For each {@linkcode Arena.keep} once, by any thread. */
  drop(handle: Handle): void {
    if (!this.#memory.isBlock(handle.block)) return;
    if (this.#memory.addKeep(handle, -1)) this.#pages.freeUnused(handle.block);
  }

  /**
   * Gives back the pins of a lost thread, and ends what it was about to do. For the keeper; it may be called
   * again, after an error as well.
   *
   * @throws When another thread does not free the lock in time.
   */
  reclaim(lost: number): void {
    const blocks = this.#memory.usedPages * BLOCKS_PER_PAGE;
    for (let block = 0; block < blocks; block++) {
      if (this.#memory.hasPin(block, lost)) this.#memory.clearPin(block, lost);
    }
    this.#pages.mend(lost);
  }

  /** Sets how many bytes each instance may take, by its number. */
  setBudgets(budgets: readonly number[]): void {
    this.#pages.setBudgets(budgets);
  }

  /** The block has this thread's bit. */
  #hold(handle: Handle): Pin {
    const pinned = { handle, bytes: this.#memory.bytes(handle.block), pins: 0 };
    this.#pinned.set(handle.block, pinned);
    return this.#again(pinned);
  }

  #again(pinned: Pinned): Pin {
    pinned.pins++;
    this.#pins++;
    return new Pin(pinned.handle, pinned.bytes);
  }

  #release(block: number): void {
    this.#memory.clearPin(block);
    this.#pages.freeUnused(block);
  }
}

/** The class of the smallest block with `bytes`, or -1. */
function classFor(bytes: number): number {
  if (!(bytes > 0) || bytes > MAX_BLOCK_BYTES) return -1;
  return Math.max(0, Math.ceil(Math.log2(bytes / UNIT_BYTES)));
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
