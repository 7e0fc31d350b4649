/**
 * The body of a request on an HTTP/1 connection: counted, limited in size and in time, and announced
 * with `100 Continue` when it is first read.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import { bodyCut } from "../cut.ts";
import { Fields } from "../fields.ts";
import type { HttpExchange } from "../exchange.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import type { Inbox } from "../../net/inbox.ts";
import { ChunkedBody, CLIENT_CHUNKS } from "./chunked.ts";
import { type BodyHost, LengthBody } from "./length_body.ts";
import type { RequestHead } from "./request_head.ts";

/** Bytes of an unread body that are read to keep a connection; a longer one ends it. */
const MAX_DISCARD_BYTES = 1024 * 1024;

const NO_FIELDS = new Fields();

/** A request body on its connection. */
export class RequestBody implements Body, BodyHost, Expiring {
  deadline = 0;
  readonly trailers = undefined;
  /** Complete, or given up. */
  isOver = false;
  /** The last byte has been read. */
  isComplete = false;
  /** Bytes of the client are waited for, even where the wait for them was given up. */
  isReading = false;
  #awaitsContinue: boolean;
  #begun = false;
  #whenOver: (() => void) | undefined;
  #fail: ((reason: BodyError) => void) | undefined;
  readonly #source: Body;

  constructor(
    readonly inbox: Inbox,
    head: RequestHead,
    readonly exchange: HttpExchange,
    readonly clock: Clock,
  ) {
    this.#awaitsContinue = head.expectsContinue;
    this.#source = head.framing === "length"
      ? new LengthBody(inbox, head.contentLength, 400, this)
      : new ChunkedBody(inbox, CLIENT_CHUNKS, this);
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  /** Whether the client waits to be asked for the body. */
  get awaitsContinue(): boolean {
    return this.#awaitsContinue;
  }

  /**
   * Whether what is left of the body may be read and dropped to keep the connection: it is short, and
   * the client is certain to send it.
   */
  get canDiscard(): boolean {
    const left = (this.length ?? Infinity) - this.exchange.requestBodyBytes;
    return !this.isOver && !this.#awaitsContinue && left <= MAX_DISCARD_BYTES;
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

  /**
   * Looks at what has come of a chunked body that was not read: wrong framing is refused even so, and
   * a body that is there to its end does not cost the connection.
   *
   * @returns What is wrong with it, if anything.
   */
  skim(scratch: Uint8Array): BodyError | undefined {
    if (this.#begun || this.#awaitsContinue || !(this.#source instanceof ChunkedBody)) return;
    try {
      this.#source.skim(scratch);
    } catch (error) {
      if (error instanceof BodyError) return error;
      throw error;
    }
  }

  /**
   * Waits for the end of a body that the answer did not need: a reader that has begun goes on, or
   * else it is read and dropped here. Returns whether the body came to its end.
   */
  async finish(scratch: Uint8Array): Promise<boolean> {
    if (this.#begun) {
      if (!this.isOver) await new Promise<void>((resolve) => this.#whenOver = resolve);
    } else {
      while (await this.#source.read(scratch) !== null);
    }
    return this.isComplete;
  }

  /** The next piece took too long. The read underneath goes on until the connection is closed. */
  expire(): void {
    this.#fail?.(new BodyError(408, bodyCut(this.exchange)));
    this.cancel();
  }

  async #invite(into: Uint8Array): Promise<number | null> {
    this.#awaitsContinue = false;
    await this.exchange.interim?.inform(100, NO_FIELDS);
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

  onBodyWait(): void {
    this.isReading = true;
  }

  onBodyBytes(): void {
    this.isReading = false;
  }

  reasonOf(error: unknown): string {
    return `the client's connection failed: ${error}`;
  }

  onBodyEnd(complete: boolean): void {
    this.isOver = true;
    this.isComplete = complete;
    this.deadline = 0;
    this.clock.unwatch(this);
    this.#whenOver?.();
  }
}
