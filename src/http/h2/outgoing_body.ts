/**
 * Bodies on their way out: where the payload of DATA frames comes from.
 *
 * @module
 */
import type { Body } from "../body.ts";
import type { Fields } from "../fields.ts";
import { LARGE, LARGE_BYTES, SMALL, SMALL_BYTES } from "../../net/buffers.ts";
import { copyBytes } from "./wire/copy.ts";

/** A source of DATA payloads. */
export interface OutgoingBody {
  /** Fetches what can be had without waiting. */
  pull(): void;
  /** Available octets. */
  readonly available: number;
  /** Nothing comes after what is available. */
  readonly isComplete: boolean;
  /** Why the body cannot be completed. */
  readonly failure: unknown;
  /** With `isComplete`: fields to send after the last octet. */
  readonly trailers: Fields | undefined;
  /** Moves `count` octets, no more than are available, to `into` at `at`. */
  copy(into: Uint8Array, at: number, count: number): void;
  /** Stops reading, and leaves the rest to its owner. */
  release(): void;
  /** Cancels the rest. Harmless after the end. */
  cancel(): void;
}

/** A body that is in memory. It is sent from there: nothing is copied before its frame is. */
export class WholeBody implements OutgoingBody {
  readonly isComplete = true;
  readonly failure = undefined;
  readonly trailers = undefined;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get available(): number {
    return this.#bytes.length - this.#at;
  }

  pull(): void {}

  copy(into: Uint8Array, at: number, count: number): void {
    const start = this.#at;
    this.#at = start + count;
    copyBytes(this.#bytes, start, count, into, at);
  }

  release(): void {}

  cancel(): void {}
}

/** The side that waits for a body. */
export interface BodyWaiter {
  /** A read that made wait is over, for better or worse. */
  onBodyReady(): void;
}

/** Reads no larger than this have their stream go back to a small buffer. */
const SMALL_READ_BYTES = SMALL_BYTES / 2;

/** A body that is read as it is sent: its buffer is refilled only when it has been emptied. */
export class PumpedBody implements OutgoingBody {
  isComplete = false;
  failure: unknown = undefined;
  readonly #body: Body;
  readonly #waiter: BodyWaiter;
  #buffer: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #pending = false;
  #released = false;
  /** Octets read in all. */
  #total = 0;
  #wantsLarge: boolean;

  constructor(body: Body, waiter: BodyWaiter) {
    this.#body = body;
    this.#waiter = waiter;
    this.#wantsLarge = (body.length ?? 0) > SMALL_BYTES;
  }

  get available(): number {
    return this.#end - this.#start;
  }

  get trailers(): Fields | undefined {
    return this.#body.trailers;
  }

  pull(): void {
    try {
      while (!this.#pending && !this.isComplete && this.failure === undefined) {
        if (this.#start === this.#end) this.#renew();
        if (this.#end === this.#buffer.length) return;
        const buffer = this.#buffer;
        const count = this.#body.read(this.#end === 0 ? buffer : buffer.subarray(this.#end));
        if (typeof count === "number") this.#add(count);
        else if (count === null) this.#complete();
        else this.#wait(count);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  copy(into: Uint8Array, at: number, count: number): void {
    copyBytes(this.#buffer, this.#start, count, into, at);
    this.#start += count;
    if (this.isComplete && this.#start === this.#end) this.#giveBack();
  }

  release(): void {
    this.#released = true;
    this.#start = this.#end = 0;
    this.#giveBack();
  }

  cancel(): void {
    if (this.#released) return;
    this.release();
    if (!this.isComplete) this.#body.cancel();
  }

  /** The buffer is empty: takes the size that suits what came last. */
  #renew(): void {
    const large = this.#wantsLarge;
    this.#wantsLarge = false;
    this.#start = this.#end = 0;
    if (this.#buffer.length === (large ? LARGE_BYTES : SMALL_BYTES)) return;
    this.#giveBack();
    this.#buffer = large ? LARGE.take() : SMALL.take();
  }

  #wait(count: Promise<number | null>): void {
    this.#pending = true;
    count.then((settled) => {
      this.#pending = false;
      if (this.#released) return this.#giveBack();
      if (settled === null) this.#complete();
      else this.#add(settled);
      this.#waiter.onBodyReady();
    }, (error) => {
      this.#pending = false;
      if (this.#released) return this.#giveBack();
      this.#fail(error);
      this.#waiter.onBodyReady();
    });
  }

  #add(count: number): void {
    this.#end += count;
    this.#total += count;
    if (count > SMALL_READ_BYTES) this.#wantsLarge = true;
    const { length } = this.#body;
    if (length !== undefined && this.#total > length) {
      this.#fail(new Error("a body is longer than it said"));
    } else if (count <= 0) {
      this.#fail(new Error("a body gave nothing and did not end"));
    }
  }

  #complete(): void {
    const { length } = this.#body;
    if (length !== undefined && this.#total < length) {
      this.#fail(new Error("a body is shorter than it said"));
      return;
    }
    this.isComplete = true;
    if (this.#start === this.#end) this.#giveBack();
  }

  #fail(error: unknown): void {
    this.failure = error ?? new Error("a body failed without saying why");
  }

  /** Gives the buffer back, unless a read that is pending may still write to it. */
  #giveBack(): void {
    if (this.#pending) return;
    const buffer = this.#buffer;
    this.#buffer = NOTHING;
    if (buffer.length === SMALL_BYTES) SMALL.give(buffer);
    else if (buffer.length === LARGE_BYTES) LARGE.give(buffer);
  }
}

const NOTHING = new Uint8Array(0);
