/**
 * Takes an answer's body into the store, apart from any client: each reader has its own pace, and the first
 * one's departure ends the fill only where that is meant (spec 04 section 6.5).
 *
 * @module
 */
import { type Body, BodyError } from "../../../http/body.ts";
import { LARGE } from "../../../net/buffers.ts";
import { fairStep } from "../../../net/fairness.ts";
import type { ObjectBody } from "../answer/object_body.ts";
import type { KeyHash } from "../store/index.ts";
import type { Fill, MemoryStore } from "../store/memory.ts";
import { REFUSED } from "../store/slot_words.ts";

/** What becomes of a body that is no longer stored, and of which a client still wants the rest. */
interface Rest {
  /** Where in the body it begins. */
  readonly from: number;
  /** Bytes that were read and not stored. */
  first: Uint8Array;
  readonly source: Body;
}

/** How a fill ended. */
export type FillEnd = "stored" | "discarded" | "broken" | "too-large" | "no-room" | "cancelled";

/** What a filler works with. */
export interface FillerOptions {
  readonly store: MemoryStore;
  readonly fill: Fill;
  readonly key: KeyHash;
  readonly source: Body;
  readonly maxBytes: number;
  /** Called once, when nothing more is read for the store. */
  ended(how: FillEnd): void;
  /** Called once, when the upstream's body has ended or was cancelled. */
  released(): void;
}

/** One fill under way. */
export class Filler {
  readonly #options: FillerOptions;
  #rest: Rest | undefined;
  #isCancelled = false;
  #isOver = false;
  #hasOwner = true;
  #isReleased = false;
  /** Settles when the fill has ended in any way. */
  readonly done: Promise<FillEnd>;

  constructor(options: FillerOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is left for the client that the fill began for, once it has read what is stored. */
  get rest(): Rest | undefined {
    return this.#rest;
  }

  /** The client that the fill began for has gone. */
  leave(): void {
    this.#hasOwner = false;
    if (this.#rest !== undefined) this.#cancelSource();
  }

  /** Gives the fill up. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isCancelled = true;
    this.#cancelSource();
  }

  /** The rest was read to its end. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#options.released();
  }

  #cancelSource(): void {
    this.#options.source.cancel();
    this.release();
  }

  async #run(): Promise<FillEnd> {
    const { fill, key, ended } = this.#options;
    const buffer = LARGE.take();
    let how: FillEnd;
    let isPending = true;
    try {
      how = await this.#pump(buffer);
      isPending = false;
    } catch {
      // A read that broke off may still write into the buffer.
      how = this.#isCancelled ? "cancelled" : "broken";
    }
    if (how === "stored" && !fill.complete(key)) how = "discarded";
    this.#isOver = true;
    if (how !== "stored") fill.abandon(how === "cancelled" ? 0 : REFUSED);
    if (!isPending && this.#rest === undefined) LARGE.give(buffer);
    if (this.#rest === undefined) this.release();
    else if (!this.#hasOwner) this.#cancelSource();
    ended(how);
    return how;
  }

  async #pump(buffer: Uint8Array): Promise<FillEnd> {
    const { fill, source, maxBytes } = this.#options;
    for (;;) {
      if (this.#isCancelled) return "cancelled";
      const reading = source.read(buffer);
      const turn = fairStep();
      if (turn !== undefined) await turn;
      const count = typeof reading === "object" && reading !== null ? await reading : reading;
      if (count === null) {
        const isWhole = fill.length === undefined || fill.stored === fill.length;
        return isWhole ? "stored" : "broken";
      }
      const piece = buffer.subarray(0, count);
      const fits = fill.stored + count <= maxBytes;
      if (fits && fill.write(piece)) continue;
      this.#rest = { from: fill.stored, first: piece.slice(), source };
      return fits ? "no-room" : "too-large";
    }
  }
}

/** The body for the client that a fill began for: what is stored, and then the rest if storing was given up. */
export class OwnerBody implements Body {
  readonly trailers: undefined = undefined;
  readonly length: number | undefined;
  #at: number;

  constructor(
    readonly filler: Filler,
    readonly stored: ObjectBody,
    first: number,
  ) {
    this.length = stored.length;
    this.#at = first;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#isPastStored) return this.#readRest(into);
    try {
      const count = this.stored.read(into);
      if (typeof count === "object" && count !== null) return this.#readLater(count, into);
      if (count !== null) this.#at += count;
      return count;
    } catch (error) {
      if (this.#isPastStored) return this.#readRest(into);
      throw error;
    }
  }

  lend(): Uint8Array | undefined {
    if (this.#isPastStored) return undefined;
    const piece = this.filler.isOver && this.filler.rest === undefined
      ? this.stored.lend()
      : undefined;
    if (piece !== undefined) this.#at += piece.length;
    return piece;
  }

  giveBack(): void {
    this.stored.giveBack();
  }

  cancel(): void {
    this.stored.cancel();
    this.filler.leave();
  }

  get #isPastStored(): boolean {
    const { rest } = this.filler;
    return rest !== undefined && this.#at >= rest.from;
  }

  async #readLater(reading: Promise<number | null>, into: Uint8Array): Promise<number | null> {
    try {
      const count = await reading;
      if (count !== null) this.#at += count;
      return count;
    } catch (error) {
      if (this.#isPastStored) return await this.#readRest(into);
      throw error;
    }
  }

  async #readRest(into: Uint8Array): Promise<number | null> {
    const rest = this.filler.rest;
    if (rest === undefined) throw new BodyError(500, "the body was given up");
    const { first, source } = rest;
    if (first.length > 0) {
      const count = Math.min(first.length, into.length);
      into.set(first.subarray(0, count));
      rest.first = first.subarray(count);
      return count;
    }
    const count = await source.read(into);
    if (count === null) {
      this.stored.cancel();
      this.filler.release();
    }
    return count;
  }
}
