/**
 * A body that arrives in DATA frames: kept within its stream's window until it is read, or handed to a
 * reader that waits.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import type { Fields } from "../fields.ts";
import { copyBytes } from "./wire/copy.ts";
import { ReceiveBuffer } from "./wire/receive_buffer.ts";

/** The stream a body belongs to. */
export interface BodyOwner {
  /** A reader waits for octets that are not there. */
  onBodyAwaited(): void;
  /**
   * Octets have been read.
   *
   * @returns What is wrong when they are too many; the reader gets the error.
   */
  onBodyRead(count: number): BodyError | undefined;
  /** Octets will never be read: the sender may be given credit for others on the connection. */
  onBodyDropped(count: number): void;
  /** The rest is not wanted. Not called when the body had ended. */
  onBodyCancelled(): void;
}

type Count = number | null;

/** One body on its stream. */
export class IncomingBody implements Body {
  trailers: Fields | undefined = undefined;
  /** Octets that came in all. */
  arrived = 0;
  readonly #buffer = new ReceiveBuffer();
  readonly #owner: BodyOwner;
  #ended = false;
  #cancelled = false;
  #error: Error | undefined;
  #into: Uint8Array | undefined;
  #resolve: ((count: Count) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** @param length By `content-length`. The stream checks it against what arrives. */
  constructor(owner: BodyOwner, readonly length: number | undefined) {
    this.#owner = owner;
  }

  /** Whether all of it has arrived, or no more will. */
  get isOver(): boolean {
    return this.#ended || this.#cancelled || this.#error !== undefined;
  }

  /** Whether a reader waits for octets. */
  get isAwaited(): boolean {
    return this.#into !== undefined;
  }

  read(into: Uint8Array): Count | Promise<Count> {
    if (this.#buffer.size > 0) {
      const count = this.#buffer.take(into);
      const error = this.#owner.onBodyRead(count);
      if (error === undefined) return count;
      this.#failNow(error);
    }
    if (this.#error !== undefined) throw this.#error;
    if (this.#cancelled) throw givenUp();
    if (this.#ended) return null;
    return new Promise((resolve, reject) => {
      this.#into = into;
      this.#resolve = resolve;
      this.#reject = reject;
      this.#owner.onBodyAwaited();
    });
  }

  cancel(): void {
    if (this.#cancelled) return;
    const wasOver = this.isOver;
    this.#cancelled = true;
    this.#drop();
    const reject = this.#reject;
    this.#forget();
    reject?.(givenUp());
    if (!wasOver) this.#owner.onBodyCancelled();
  }

  /** The payload of a DATA frame, `from[start, end)`. */
  arrive(from: Uint8Array, start: number, end: number): void {
    this.arrived += end - start;
    if (this.isOver) {
      this.#owner.onBodyDropped(end - start);
      return;
    }
    const into = this.#into;
    if (into === undefined) {
      this.#buffer.put(from, start, end);
      return;
    }
    const count = Math.min(into.length, end - start);
    copyBytes(from, start, count, into, 0);
    if (start + count < end) this.#buffer.put(from, start + count, end);
    const error = this.#owner.onBodyRead(count);
    if (error === undefined) this.#settle(count);
    else this.#failNow(error);
  }

  /** The sender ended the body. */
  end(trailers: Fields | undefined): void {
    if (this.isOver) return;
    this.trailers = trailers;
    this.#ended = true;
    this.#settle(null);
  }

  /** The body will not be complete: what had arrived is dropped. One that has ended stays readable. */
  fail(error: Error): void {
    if (!this.isOver) this.#failNow(error);
  }

  #failNow(error: Error): void {
    this.#error = error;
    this.#drop();
    const reject = this.#reject;
    this.#forget();
    reject?.(error);
  }

  #drop(): void {
    const dropped = this.#buffer.clear();
    if (dropped > 0) this.#owner.onBodyDropped(dropped);
  }

  #settle(count: Count): void {
    const resolve = this.#resolve;
    this.#forget();
    resolve?.(count);
  }

  #forget(): void {
    this.#into = this.#resolve = this.#reject = undefined;
  }
}

function givenUp(): BodyError {
  return new BodyError(500, "the body was given up");
}
