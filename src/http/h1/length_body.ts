/**
 * Bodies framed by `Content-Length`, and those that end with the connection. RFC 9112 section 6.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import type { Inbox } from "../../net/inbox.ts";

/** A body of known length on a connection. */
export class LengthBody implements Body {
  readonly trailers = undefined;
  #left: number;
  #over = false;
  readonly #inbox: Inbox;
  readonly #errorStatus: 400 | 502;
  readonly #onEnd: (complete: boolean) => void;

  /**
   * @param length Bytes, at least 1.
   * @param onEnd Called once, when the body is complete (`true`) or given up (`false`).
   */
  constructor(
    inbox: Inbox,
    readonly length: number,
    errorStatus: 400 | 502,
    onEnd: (complete: boolean) => void,
  ) {
    this.#inbox = inbox;
    this.#left = length;
    this.#errorStatus = errorStatus;
    this.#onEnd = onEnd;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#left === 0) return null;
    if (this.#over) throw new BodyError(this.#errorStatus, "the body was given up");
    const room = into.length > this.#left ? into.subarray(0, this.#left) : into;
    if (this.#inbox.isEmpty || this.#inbox.isReading) return this.#wait(room);
    return this.#count(this.#inbox.take(room));
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd(false);
  }

  async #wait(room: Uint8Array): Promise<number> {
    if (this.#inbox.isReading) {
      const arrived = await this.#inbox.more(room.length);
      if (arrived !== null) return this.#count(this.#inbox.take(room));
      return this.#cutShort();
    }
    const count = await this.#inbox.direct(room);
    return count === null ? this.#cutShort() : this.#count(count);
  }

  #count(count: number): number {
    this.#left -= count;
    if (this.#left === 0) {
      this.#over = true;
      this.#onEnd(true);
    }
    return count;
  }

  #cutShort(): never {
    this.cancel();
    throw new BodyError(this.#errorStatus, `the body ends ${this.#left} bytes early`);
  }
}

/** A response body that ends when the upstream closes the connection (HTTP/1.0 style). */
export class UntilCloseBody implements Body {
  readonly length = undefined;
  readonly trailers = undefined;
  #over = false;
  readonly #inbox: Inbox;
  readonly #onEnd: (complete: boolean) => void;

  constructor(inbox: Inbox, onEnd: (complete: boolean) => void) {
    this.#inbox = inbox;
    this.#onEnd = onEnd;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#over) return null;
    if (this.#inbox.isEmpty || this.#inbox.isReading) return this.#wait(into);
    return this.#inbox.take(into);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onEnd(false);
  }

  async #wait(into: Uint8Array): Promise<number | null> {
    if (this.#inbox.isReading) {
      const arrived = await this.#inbox.more(into.length);
      if (arrived !== null) return this.#inbox.take(into);
    } else {
      const count = await this.#inbox.direct(into);
      if (count !== null) return count;
    }
    this.#over = true;
    // The connection cannot be used again, so the body is complete and the connection is not.
    this.#onEnd(false);
    return null;
  }
}
