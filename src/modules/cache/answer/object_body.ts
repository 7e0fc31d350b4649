/**
 * Bodies of stored objects on their way to clients: read from shared memory, complete ones and those that are
 * still coming.
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import type { BlockCursor } from "../store/blocks.ts";
import type { CacheIndex, Held } from "../store/index.ts";
import type { MemoryStore } from "../store/memory.ts";
import { DEAD, LENGTH, READY, STORED } from "../store/slot_words.ts";

/** How long a reader sleeps at most before it looks again whether the fill has ended. */
const LOOK_AGAIN_MS = 5_000;

/** Less than this is copied: a write of its own costs more. */
const MIN_LENT_BYTES = 16 * 1024;

/** Called once when a body is no longer read. */
export type Ended = (readToTheEnd: boolean) => void;

/** A part of the body of an object. It holds the object until it ends or is cancelled. */
export class ObjectBody implements Body {
  readonly trailers: undefined = undefined;
  readonly #store: MemoryStore;
  readonly #held: Held;
  #cursor: BlockCursor | undefined;
  #inline: Uint8Array | undefined;
  #at: number;
  /** Where it ends; `undefined` while the length of the object is not known. */
  #end: number | undefined;
  readonly #ended: Ended | undefined;
  #isOver = false;
  #isLent = false;

  /**
   * @param first,end Which bytes; the end is exclusive, and `undefined` for all of an object whose length is
   * not known yet.
   */
  constructor(
    store: MemoryStore,
    held: Held,
    first: number,
    end: number | undefined,
    ended?: Ended,
  ) {
    this.#store = store;
    this.#held = held;
    this.#at = first;
    this.#end = end;
    this.#ended = ended;
    this.length = end === undefined ? undefined : end - first;
  }

  readonly length: number | undefined;

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#isOver) throw new BodyError(500, "the body was given up");
    const piece = this.#available(into.length);
    if (piece === undefined) return this.#readLater(into);
    return this.#copy(piece, into);
  }

  lend(): Uint8Array | undefined {
    if (this.#isOver) return undefined;
    const from = this.#at;
    const piece = this.#available(Infinity);
    if (piece === undefined || piece === null) return undefined;
    if (piece.length < MIN_LENT_BYTES) {
      this.#at = from;
      return undefined;
    }
    this.#isLent = true;
    return piece;
  }

  giveBack(): void {
    this.#isLent = false;
    if (this.#isOver) this.#store.index.release(this.#held);
  }

  cancel(): void {
    this.#over(false);
  }

  #over(isRead: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended?.(isRead);
    // A write that is under way still reads what was lent.
    if (!this.#isLent) this.#store.index.release(this.#held);
  }

  #copy(piece: Uint8Array | null, into: Uint8Array): number | null {
    if (piece === null) {
      this.#over(true);
      return null;
    }
    into.set(piece);
    return piece.length;
  }

  async #readLater(into: Uint8Array): Promise<number | null> {
    const { index } = this.#store;
    const { slot } = this.#held;
    for (;;) {
      const seen = index.progress(slot);
      const piece = this.#available(into.length);
      if (piece !== undefined) return this.#copy(piece, into);
      await index.change(slot, seen, LOOK_AGAIN_MS);
      if (this.#isOver) throw new BodyError(500, "the body was given up");
    }
  }

  /** What is there; `undefined` when there is nothing yet. Counts it as read. */
  #available(most: number): Uint8Array | null | undefined {
    const { index } = this.#store;
    const { slot } = this.#held;
    try {
      return this.#next(index, slot, most);
    } catch (error) {
      // A reader may ask for nothing more after a failure.
      this.#over(false);
      throw error;
    }
  }

  #next(index: CacheIndex, slot: number, most: number): Uint8Array | null | undefined {
    // In this order: what is stored when the phase is looked at is all that there will be.
    const phase = index.phase(slot);
    const stored = index.float(slot, STORED);
    if (this.#end === undefined && phase === READY) this.#end = index.float(slot, LENGTH);
    if (this.#end !== undefined && this.#at >= this.#end) return null;
    const end = Math.min(stored, this.#end ?? stored, this.#at + most);
    if (this.#at < end) return this.#piece(end);
    if (phase === READY) throw new BodyError(502, "the stored body is shorter than recorded");
    if (phase === DEAD) throw new BodyError(502, "the answer that was being stored broke off");
    return undefined;
  }

  #piece(end: number): Uint8Array {
    const from = this.#at;
    this.#inline ??= this.#cursor === undefined ? this.#whole() : undefined;
    if (this.#inline !== undefined) {
      this.#at = end;
      return this.#inline.subarray(from, end);
    }
    const cursor = this.#cursor ??= this.#store.cursor(this.#held.slot);
    if (!cursor.seek(from) || cursor.bytes === undefined) {
      throw new BodyError(502, "a block of the stored body is missing");
    }
    const until = Math.min(end, cursor.start + cursor.length);
    this.#at = until;
    return cursor.bytes.subarray(from - cursor.start, until - cursor.start);
  }

  #whole(): Uint8Array | undefined {
    return this.#store.inline(this.#held.slot);
  }
}
