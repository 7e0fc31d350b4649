/**
 * Bodies framed by `Content-Length`, and those that end with the connection. RFC 9112 section 6.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import type { Inbox } from "../../net/inbox.ts";

const GIVEN_UP = "the body was given up";

/** The connection a body is on. */
export interface BodyHost {
  /** The body waits for the peer. */
  onBodyWait(): void;
  /** The wait is over: the peer has sent something, or ended its side. */
  onBodyBytes(): void;
  /** The body is complete (`true`) or given up (`false`). Called once. */
  onBodyEnd(complete: boolean): void;
  /** In words, why the connection failed while the body was waited for. */
  reasonOf(error: unknown): string;
}

/** A body of known length on a connection. */
export class LengthBody implements Body {
  readonly trailers = undefined;
  #left: number;
  #over = false;
  readonly #inbox: Inbox;
  readonly #errorStatus: 400 | 502;
  readonly #host: BodyHost;

  /** @param length Bytes, at least 1. */
  constructor(
    inbox: Inbox,
    readonly length: number,
    errorStatus: 400 | 502,
    host: BodyHost,
  ) {
    this.#inbox = inbox;
    this.#left = length;
    this.#errorStatus = errorStatus;
    this.#host = host;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#left === 0) return null;
    if (this.#over) throw new BodyError(this.#errorStatus, GIVEN_UP);
    if (!this.#inbox.isEmpty) {
      return this.#count(this.#inbox.take(into, this.#left));
    }
    return this.#wait(into.length > this.#left ? into.subarray(0, this.#left) : into);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.onBodyEnd(false);
  }

  async #wait(room: Uint8Array): Promise<number> {
    const inbox = this.#inbox;
    this.#host.onBodyWait();
    let count: number | null;
    try {
      if (inbox.isReading) count = await inbox.more(room.length) === null ? null : inbox.take(room);
      else count = await inbox.direct(room);
    } catch (error) {
      this.#fail(this.#host.reasonOf(error));
    }
    this.#host.onBodyBytes();
    if (this.#over) this.#fail(GIVEN_UP);
    if (count === null) {
      const whose = this.#errorStatus === 502 ? "the upstream's" : "the client's";
      this.#fail(`${whose} body ends ${this.#left} bytes early`);
    }
    return this.#count(count);
  }

  #count(count: number): number {
    this.#left -= count;
    if (this.#left === 0) {
      this.#over = true;
      this.#host.onBodyEnd(true);
    }
    return count;
  }

  #fail(reason: string): never {
    this.cancel();
    throw new BodyError(this.#errorStatus, reason);
  }
}

/** A response body that ends when the upstream closes the connection (HTTP/1.0 style). */
export class UntilCloseBody implements Body {
  readonly endsUnproven = true;
  readonly length = undefined;
  readonly trailers = undefined;
  #over = false;
  #complete = false;
  readonly #inbox: Inbox;
  readonly #host: BodyHost;

  constructor(inbox: Inbox, host: BodyHost) {
    this.#inbox = inbox;
    this.#host = host;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#complete) return null;
    if (this.#over) throw new BodyError(502, GIVEN_UP);
    return this.#inbox.isEmpty ? this.#wait(into) : this.#inbox.take(into);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.onBodyEnd(false);
  }

  async #wait(into: Uint8Array): Promise<number | null> {
    const inbox = this.#inbox;
    this.#host.onBodyWait();
    let count: number | null;
    try {
      if (inbox.isReading) count = await inbox.more(into.length) === null ? null : inbox.take(into);
      else count = await inbox.direct(into);
    } catch (error) {
      this.cancel();
      throw new BodyError(502, this.#host.reasonOf(error));
    }
    this.#host.onBodyBytes();
    if (this.#over) throw new BodyError(502, GIVEN_UP);
    if (count !== null) return count;
    this.#over = this.#complete = true;
    // The connection cannot be used again, so the body is complete and the connection is not.
    this.#host.onBodyEnd(false);
    return null;
  }
}
