/**
 * Message bodies, pulled by their consumer. Back-pressure is the pull itself: nothing is read
 * from the network until a reader asks, and nothing is held but the reader's own buffer.
 *
 * @module
 */
import type { Fields } from "./fields.ts";

/** A body that ended before its framing said it would, or whose framing is broken. */
export class BodyError extends Error {
  /**
   * A body that broke off.
   *
   * @param status What a server answers when no answer has begun: 400 broken framing, 408 too slow,
   * 413 too large, 500 when what the gateway itself sends fails. A body that comes from an upstream
   * uses 502.
   */
  constructor(readonly status: 400 | 408 | 413 | 500 | 502, message: string) {
    super(message);
    this.name = "BodyError";
  }
}

/** The bytes of one message after its head. Read to the end, or cancelled; never forgotten. */
export interface Body {
  /** Bytes in all, where the framing says so; `undefined` for chunked and close-delimited bodies. */
  readonly length: number | undefined;
  /**
   * Puts the next bytes at the start of `into`.
   *
   * @returns How many bytes (at least 1), or `null` at the end. A plain value when it is available,
   * a promise when the network must be waited for; callers test with `typeof`, they do not `await`
   * a plain value. Only one read may be pending.
   * @throws {BodyError} when the body is cut short, malformed, too slow or too large, and when it was given
   * up: what has come must not be taken for the whole.
   */
  read(into: Uint8Array): number | null | Promise<number | null>;
  /** Trailer fields, once `read` has returned `null`; `undefined` when there were none. */
  readonly trailers: Fields | undefined;
  /** Cancels the rest. What feeds the body stops: its stream is reset or its connection closed. */
  cancel(): void;
  /**
   * For bodies that lie in memory: the next bytes where they are, if there are enough to be worth it, so that they
   * are sent without a copy. They count as read, and stay as they are until `giveBack`, even after `cancel`.
   */
  lend?(): Uint8Array | undefined;
  /** What `lend` gave has been sent, or never will be. Called once for each piece. */
  giveBack?(): void;
  /**
   * The body ends where its connection does, without a word: what was received may be less than what was meant.
   */
  readonly endsUnproven?: boolean;
}

/** A body that is already in memory. */
export class BytesBody implements Body {
  /** None: what is in memory has no trailers. */
  readonly trailers: undefined = undefined;
  #at = 0;
  #isGivenUp = false;

  /** A body of `bytes`, which must not change. */
  constructor(readonly bytes: Uint8Array) {}

  get length(): number {
    return this.bytes.length;
  }

  read(into: Uint8Array): number | null {
    if (this.#isGivenUp) throw new BodyError(500, "the body was given up");
    const left = this.bytes.length - this.#at;
    if (left === 0) return null;
    const count = Math.min(left, into.length);
    into.set(this.bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  cancel(): void {
    this.#isGivenUp = this.#at < this.bytes.length;
  }
}

/**
 * Reads a body to its end into one array.
 *
 * @param limit Most bytes to accept.
 * @returns The bytes, or `undefined` when there are more than `limit`; the body is then cancelled.
 */
export async function readAll(body: Body, limit: number): Promise<Uint8Array | undefined> {
  if (body.length !== undefined && body.length > limit) {
    body.cancel();
    return undefined;
  }
  let bytes = new Uint8Array(Math.min(limit, body.length ?? 4096) + 1);
  let size = 0;
  for (;;) {
    if (size === bytes.length) {
      const grown = new Uint8Array(Math.min(bytes.length * 2, limit + 1));
      grown.set(bytes);
      bytes = grown;
    }
    const count = await body.read(bytes.subarray(size));
    if (count === null) return bytes.subarray(0, size);
    size += count;
    if (size > limit) {
      body.cancel();
      return undefined;
    }
  }
}
