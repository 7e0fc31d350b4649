/**
 * An HTTP/1.1 connection to an upstream: one request at a time, kept for the next one.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import { ClientError, type ClientRequest, type ClientResponse } from "../client.ts";
import type { Clock, Expiring } from "../../net/clock.ts";
import { closeQuietly, type Duplex } from "../../net/duplex.ts";
import { Inbox, InboxStream } from "../../net/inbox.ts";
import { ChunkedBody, UPSTREAM_CHUNKS } from "./chunked.ts";
import { findHeadEnd } from "./head.ts";
import { type Outlet, writeMessage } from "./message_writer.ts";
import { LengthBody, UntilCloseBody } from "./length_body.ts";
import { MAX_REPLY_HEAD_BYTES, readReplyHead, type ReplyHead } from "./reply_head.ts";

/** Most interim (1xx) answers in front of a final one. */
const MAX_INTERIM = 16;

/** Time limits of one exchange with an upstream, in milliseconds; 0 for none. */
export interface UpstreamTimeouts {
  /** Between two reads. */
  readonly readMs: number;
  /** One write. */
  readonly sendMs: number;
  /** A connection that waits for its next request. */
  readonly idleMs: number;
}

/** What a connection tells the pool it belongs to. */
export interface ConnectionOwner {
  /** The connection is ready for another request. */
  onIdle(connection: Http1Client): void;
  /** The connection has ended. It may or may not have been idle. */
  onClosed(connection: Http1Client): void;
}

type State = "idle" | "busy" | "closed";

/** A kept connection to an upstream. */
export class Http1Client implements Expiring, Outlet {
  deadline = 0;
  /** Requests that were sent on it; more than 0 means a failure may be one of an idle connection. */
  requests = 0;
  #state: State = "busy";
  #timedOut = false;
  /** The request's body is still on its way. */
  #sending = false;
  /** The answer has come to its end. */
  #complete = false;
  /** Some byte of the answer has come. */
  #answered = false;
  #persistent = true;
  /** What was wrong with the request's own body. */
  #bodyFailure: BodyError | undefined;
  readonly #inbox: Inbox;

  constructor(
    readonly stream: Duplex,
    readonly clock: Clock,
    readonly timeouts: UpstreamTimeouts,
    readonly owner: ConnectionOwner,
  ) {
    this.#inbox = new Inbox(stream);
    clock.watch(this);
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /**
   * Sends a request and waits for the head of its final answer. The connection goes back to its owner
   * when the answer's body has been read to its end and the request's body has been sent.
   *
   * @throws {ClientError} `unprocessed` when the connection turns out to have ended while idle.
   * @throws {BodyError} when the request's own body is at fault.
   */
  async request(request: ClientRequest): Promise<ClientResponse> {
    this.#state = "busy";
    this.#timedOut = false;
    this.#persistent = true;
    this.#answered = false;
    this.#complete = false;
    this.#bodyFailure = undefined;
    this.requests++;
    try {
      const text = requestHead(request);
      const { body } = request;
      if (body === undefined) {
        await writeMessage(this, text, undefined, false);
      } else {
        this.#sending = true;
        this.#sendBody(text, body);
      }
      const head = await this.#readHead(request.method, request.upgrade !== undefined);
      return this.#response(head);
    } catch (error) {
      const nothingCame = !this.#answered && this.#inbox.isEmpty;
      this.close();
      if (this.#bodyFailure !== undefined) throw this.#bodyFailure;
      if (error instanceof ClientError) throw error;
      const stage = nothingCame && this.requests > 1 && !this.#timedOut
        ? "unprocessed"
        : "response";
      const reason = this.#timedOut ? "the upstream took too long" : `${error}`;
      throw new ClientError(stage, reason, { cause: error });
    }
  }

  /** Gives up the request that is under way, and the connection with it. */
  readonly abort = (): void => this.close();

  /** Ends the connection at once. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.deadline = 0;
    this.clock.unwatch(this);
    closeQuietly(this.stream);
    this.#inbox.release();
    this.owner.onClosed(this);
  }

  expire(): void {
    this.#timedOut = this.#state === "busy";
    this.close();
  }

  #limit(ms: number): void {
    this.deadline = ms === 0 ? 0 : this.clock.now + ms;
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.#limit(this.timeouts.sendMs);
    let written = await this.stream.write(bytes);
    while (written < bytes.length) {
      this.#limit(this.timeouts.sendMs);
      written += await this.stream.write(bytes.subarray(written));
    }
    this.deadline = 0;
  }

  countBody(): void {}

  /** Sends head and body, while the answer is already waited for: it may come early. */
  async #sendBody(text: string, body: Body): Promise<void> {
    try {
      await writeMessage(this, text, body, body.length === undefined);
      this.#sending = false;
      if (this.#state === "busy") this.limitRead();
      this.#settle();
    } catch (error) {
      this.#persistent = false;
      // A write that fails may still be followed by an answer, so only the client's own fault ends it.
      if (error instanceof BodyError) this.#bodyFailure = error;
      else body.cancel();
      if (error instanceof BodyError || this.#complete) this.close();
    }
  }

  async #readHead(method: string, upgrading: boolean): Promise<ReplyHead> {
    const inbox = this.#inbox;
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      let scanned = 0;
      let behind = inbox.isReading ? -1 : findHeadEnd(inbox.bytes, inbox.start, inbox.end);
      while (behind < 0) {
        if (!this.#sending) this.#limit(this.timeouts.readMs);
        const count = await inbox.more(MAX_REPLY_HEAD_BYTES);
        this.deadline = 0;
        if (count === null) throw new Error("the upstream closed the connection");
        if (count === -1) throw new ClientError("response", "the upstream's head is too long");
        behind = findHeadEnd(inbox.bytes, inbox.start + scanned, inbox.end);
        scanned = Math.max(0, inbox.end - inbox.start - 3);
      }
      this.#answered = true;
      const head = readReplyHead(inbox.bytes, inbox.start, behind, method);
      inbox.start = behind;
      if (typeof head === "string") throw new ClientError("response", head);
      if (head.status >= 200 || (head.status === 101 && upgrading)) return head;
      if (head.status === 101) throw new ClientError("response", "an upgrade nobody asked for");
    }
    throw new ClientError("response", "too many interim answers");
  }

  #response(head: ReplyHead): ClientResponse {
    const inbox = this.#inbox;
    if (!head.persistent) this.#persistent = false;
    if (head.status === 101) {
      this.#state = "closed";
      this.deadline = 0;
      this.clock.unwatch(this);
      this.owner.onClosed(this);
      return { ...answer(head), tunnel: new InboxStream(inbox) };
    }
    switch (head.framing) {
      case "none":
        this.#onBodyEnd(true);
        return answer(head);
      case "length":
        return answer(
          head,
          this.#timed(new LengthBody(inbox, head.contentLength, 502, this.#onBodyEnd)),
        );
      case "chunked":
        return answer(head, this.#timed(new ChunkedBody(inbox, UPSTREAM_CHUNKS, this.#onBodyEnd)));
      case "close":
        return answer(head, this.#timed(new UntilCloseBody(inbox, this.#onBodyEnd)));
    }
  }

  #timed(body: Body): Body {
    return new TimedBody(body, this);
  }

  /** Sets the time limit of one wait for body bytes. */
  limitRead(): void {
    this.#limit(this.timeouts.readMs);
  }

  /** The reader has its bytes and decides when it wants more: the upstream is not to blame meanwhile. */
  unlimit(): void {
    if (this.#state === "busy") this.deadline = 0;
  }

  readonly #onBodyEnd = (complete: boolean): void => {
    this.#complete = true;
    if (!complete) this.close();
    else this.#settle();
  };

  /** Goes back to the owner, or ends, once both directions are done. */
  #settle(): void {
    if (this.#state !== "busy" || !this.#complete) return;
    // A complete answer to an incomplete request: how much more of the body is worth moving is for the
    // side that feeds it to say, by cancelling it.
    if (this.#sending) return;
    if (!this.#persistent || !this.#inbox.isEmpty) {
      this.close();
      return;
    }
    this.#state = "idle";
    this.#limit(this.timeouts.idleMs);
    // Bytes or an end that arrive while idle: the upstream has closed, or speaks out of turn.
    this.#inbox.ahead().then(this.#onIdleEvent, this.#onIdleEnd);
    this.owner.onIdle(this);
  }

  readonly #onIdleEvent = (): void => {
    if (this.#state === "idle") this.close();
  };

  readonly #onIdleEnd = (): void => {
    if (this.#state === "idle") this.close();
  };
}

/** Puts the connection's read limit around every wait for body bytes. */
class TimedBody implements Body {
  constructor(readonly body: Body, readonly connection: Http1Client) {}

  get length(): number | undefined {
    return this.body.length;
  }

  get trailers() {
    return this.body.trailers;
  }

  read(into: Uint8Array): number | null | Promise<number | null> {
    const count = this.body.read(into);
    if (typeof count !== "object" || count === null) return count;
    this.connection.limitRead();
    return this.#wait(count);
  }

  cancel(): void {
    this.body.cancel();
  }

  async #wait(pending: Promise<number | null>): Promise<number | null> {
    try {
      return await pending;
    } finally {
      this.connection.unlimit();
    }
  }
}

function answer(head: ReplyHead, body?: Body): ClientResponse {
  return { status: head.status, fields: head.fields, body, tunnel: undefined };
}

/** Methods whose missing body is said with `Content-Length: 0` (RFC 9110 section 8.6). */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

function requestHead(request: ClientRequest): string {
  const { names, values } = request.fields;
  let text = request.method + " " + request.target + " HTTP/1.1\r\nhost: " + request.authority +
    "\r\n";
  for (let i = 0; i < names.length; i++) text += names[i] + ": " + values[i] + "\r\n";
  const { body } = request;
  if (body !== undefined) {
    text += body.length === undefined
      ? "transfer-encoding: chunked\r\n"
      : "content-length: " + body.length + "\r\n";
  } else if (needsLength(request.method)) {
    text += "content-length: 0\r\n";
  }
  if (request.upgrade !== undefined) {
    text += "connection: upgrade\r\nupgrade: " + request.upgrade + "\r\n";
  }
  return text + "\r\n";
}
