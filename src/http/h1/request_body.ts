/**
 * The body of a request on an HTTP/1 connection: counted, limited in size and in time, and announced
 * with `100 Continue` when somebody starts to read it.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import type { HttpExchange } from "../exchange.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import { writeAll } from "../../net/duplex.ts";
import type { Inbox } from "../../net/inbox.ts";
import { ChunkedBody, CLIENT_CHUNKS } from "./chunked.ts";
import { LengthBody } from "./length_body.ts";
import type { RequestHead } from "./request_head.ts";

/** Bytes of a body nobody wanted that are read to keep a connection; a longer one ends it. */
const MAX_DISCARD_BYTES = 256 * 1024;

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** A request body on its connection. */
export class RequestBody implements Body, Expiring {
  deadline = 0;
  readonly trailers = undefined;
  /** Complete, or given up. */
  isOver = false;
  #awaitsContinue: boolean;
  #begun = false;
  #fail: ((reason: BodyError) => void) | undefined;
  readonly #source: Body;

  /** @param onComplete Called when the last byte has been read. */
  constructor(
    readonly inbox: Inbox,
    head: RequestHead,
    readonly exchange: HttpExchange,
    readonly clock: Clock,
    readonly onComplete: () => void,
  ) {
    this.#awaitsContinue = head.expectsContinue;
    this.#source = head.framing === "length"
      ? new LengthBody(inbox, head.contentLength, 400, this.#onEnd)
      : new ChunkedBody(inbox, CLIENT_CHUNKS, this.#onEnd);
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  /**
   * Whether the body may be read and dropped to keep the connection: it is short, nobody has begun to
   * read it, and the client is certain to send it.
   */
  get canDiscard(): boolean {
    return !this.#begun && !this.#awaitsContinue && (this.length ?? Infinity) <= MAX_DISCARD_BYTES;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    this.#begun = true;
    if (this.#awaitsContinue) return this.#invite(into);
    const count = this.#source.read(into);
    return typeof count === "object" && count !== null ? this.#wait(count) : this.#count(count);
  }

  cancel(): void {
    this.#source.cancel();
  }

  /** Reads bytes that nobody wants; not counted. */
  discard(into: Uint8Array): number | null | Promise<number | null> {
    return this.#source.read(into);
  }

  /** The next piece took too long. The read underneath goes on until the connection is closed. */
  expire(): void {
    this.#fail?.(new BodyError(408, "the client sent no more of the body in time"));
    this.cancel();
  }

  async #invite(into: Uint8Array): Promise<number | null> {
    this.#awaitsContinue = false;
    await writeAll(this.inbox.stream, CONTINUE);
    return await this.read(into);
  }

  #wait(count: Promise<number | null>): Promise<number | null> {
    if (this.deadline === 0) this.clock.watch(this);
    this.deadline = this.clock.now + this.exchange.bodyTimeoutMs;
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      count.then((bytes) => {
        this.deadline = 0;
        this.clock.unwatch(this);
        resolve(this.#count(bytes));
      }).catch(reject);
    });
  }

  #count(bytes: number | null): number | null {
    if (bytes === null) return null;
    this.exchange.requestBodyBytes += bytes;
    if (this.exchange.requestBodyBytes > this.exchange.bodyLimit) {
      this.cancel();
      throw new BodyError(413, "the body is larger than the limit");
    }
    return bytes;
  }

  readonly #onEnd = (complete: boolean): void => {
    this.isOver = true;
    this.deadline = 0;
    this.clock.unwatch(this);
    if (complete) this.onComplete();
  };
}
