/**
 * An HTTP/1.1 connection to an upstream: one request at a time, kept for the next one.
 *
 * @module
 */
import { type Body, BodyError } from "../body.ts";
import {
  ClientError,
  type ClientRequest,
  ClientResponse,
  READ_TIMEOUT,
  SEND_TIMEOUT,
  UNASKED_SWITCH,
} from "../client.ts";
import { passInterim } from "../interim.ts";
import { type Clock, type Expiring, TICK_MS } from "../../net/clock.ts";
import { closeQuietly, type Duplex } from "../../net/duplex.ts";
import { Inbox, InboxStream } from "../../net/inbox.ts";
import { OTHERS_FIRST } from "../../net/turn.ts";
import { ChunkedBody, UPSTREAM_CHUNKS } from "./chunked.ts";
import { findHeadEnd, hasBareLf, headText } from "./head.ts";
import { type HeadSink, MessageWriter, type Outlet } from "./message_writer.ts";
import { type BodyHost, LengthBody, UntilCloseBody } from "./length_body.ts";
import { MAX_REPLY_HEAD_BYTES, type ReplyHead, ReplyReader } from "./reply_head.ts";

/** Most interim (1xx) answers in front of a final one. */
const MAX_INTERIM = 16;
/**
 * Least time that a connection is kept when there are too many: one that is in demand is used again before it
 * is over.
 */
const MIN_IDLE_MS = 2 * TICK_MS;
/** Bytes of `HTTP/1.1 408` and what ends the status. */
const TIMEOUT_NOTICE_BYTES = 13;
/** Time for the rest of a request's body after a complete answer, which has no reader any more. */
const REST_MS = 10_000;

/** Time limits of one exchange with an upstream, in milliseconds; 0 for none. */
export interface UpstreamTimeouts {
  /** Between two reads. */
  readonly readMs: number;
  /** One write. */
  readonly sendMs: number;
  /** A connection that waits for its next request. */
  readonly idleMs: number;
}

/** What a connection reports to the pool it belongs to. */
export interface ConnectionOwner {
  /** The connection is ready for another request. */
  onIdle(connection: Http1Client): void;
  /** Whether a connection that has been idle for a tick of the clock, or longer, is to be kept. */
  keepsIdle(): boolean;
  /** The upstream sent bytes that no request had asked for: its fault. The connection ends. */
  onSurplus(): void;
  /** The connection has ended. It may or may not have been idle. */
  onClosed(connection: Http1Client): void;
}

/** `claimed`: a request has the connection, and nothing of it was read or sent. */
type State = "idle" | "claimed" | "busy" | "closed";

/**
 * A kept connection to an upstream. While it is idle a read is pending, so that it is used again only as
 * long as the upstream is silent: whatever arrives between two requests would be taken for the answer to the
 * second one (RFC 9112 sections 6.3 and 9.3), which may be another client's.
 */
export class Http1Client implements BodyHost, Expiring, Outlet {
  deadline = 0;
  /** Requests that were sent on it; more than 0 means a failure may be one of an idle connection. */
  requests = 0;
  #state: State = "busy";
  /** The time limit that ended the connection, in words. */
  #timedOut: string | undefined = undefined;
  /** When the write under way is too late, and when what is read next is; 0 for no limit. */
  #sendBy = 0;
  #readBy = 0;
  /** The request's body is still on its way. */
  #sending = false;
  /** A reader waits for more of the answer. */
  #awaited = false;
  /** The answer has come to its end. */
  #complete = false;
  /** Some byte of the answer has come. */
  #answered = false;
  #persistent = true;
  /** What was wrong with the request's own body. */
  #bodyFailure: BodyError | undefined;
  #idleSince = 0;
  /** Bytes of an incomplete head that were searched for its end. */
  #scanned = 0;
  /** Interim answers to this request so far. */
  #interim = 0;
  readonly #inbox: Inbox;
  readonly #replies = new ReplyReader();
  readonly #writer = new MessageWriter(this);

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
   * @throws {ClientError} `unsent` when the connection turns out to have ended while idle.
   * @throws {BodyError} when the request's own body is at fault.
   */
  async request(request: ClientRequest): Promise<ClientResponse> {
    if (this.requests > 0) {
      this.#state = "claimed";
      // What has come while the connection was idle ends it first: the read that was pending reports it two
      // passes of the microtask queue after the runtime has the bytes.
      await OTHERS_FIRST;
      await OTHERS_FIRST;
      if (this.isClosed) throw new ClientError("unsent", "the kept connection has ended");
    }
    this.#state = "busy";
    this.#timedOut = this.#bodyFailure = undefined;
    this.#answered =
      this.#complete =
      this.#sending =
      this.#awaited =
        false;
    this.#sendBy = this.#readBy = this.deadline = 0;
    this.#persistent = true;
    this.#scanned = this.#interim = 0;
    this.requests++;
    try {
      const writer = this.#writer;
      const { body } = request;
      writer.begin();
      writeRequestHead(writer, request);
      if (writer.body(body, body !== undefined && body.length === undefined)) {
        const bytes = writer.unsent;
        this.#limitSend(this.timeouts.sendMs);
        await OTHERS_FIRST;
        const sent = await this.stream.write(bytes);
        if (sent < bytes.length) await this.send(bytes.subarray(sent));
        writer.end();
        this.#limitSend(0);
      } else {
        this.#sending = true;
        this.#sendBody(body);
      }
      const inbox = this.#inbox;
      let head = inbox.isReading ? undefined : this.#takeHead(request);
      while (head === undefined) {
        this.#awaited = true;
        if (!this.#sending) this.#limitRead(this.timeouts.readMs);
        const reading = inbox.receive(MAX_REPLY_HEAD_BYTES);
        if (reading === undefined) {
          throw new ClientError("response", "the upstream's head is too long");
        }
        const count = inbox.arrived(await reading);
        this.#awaited = false;
        this.#limitRead(0);
        if (count === null) throw new Error("the upstream closed the connection");
        head = this.#takeHead(request);
      }
      return this.#response(head);
    } catch (error) {
      const nothingCame = !this.#answered && this.#inbox.isEmpty;
      this.close();
      if (this.#bodyFailure !== undefined) throw this.#bodyFailure;
      // The first piece of a body leaves with the head, and is at fault before anything is sent.
      if (error instanceof ClientError || error instanceof BodyError) throw error;
      const stage = nothingCame && this.#timedOut === undefined ? "unanswered" : "response";
      throw new ClientError(stage, this.reasonOf(error), { cause: error });
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
    if (this.#state === "idle" && this.#mayStayIdle()) return;
    if (this.#state === "busy") {
      const isUnsent = this.#sendBy !== 0 && this.#sendBy <= this.clock.now;
      this.#timedOut = isUnsent ? SEND_TIMEOUT : READ_TIMEOUT;
    }
    this.close();
  }

  /** Whether a connection that has been idle for a while may go on so. */
  #mayStayIdle(): boolean {
    const { idleMs } = this.timeouts;
    const until = this.#idleSince + idleMs;
    if (!this.owner.keepsIdle() || (idleMs !== 0 && until <= this.clock.now)) return false;
    this.deadline = idleMs === 0 ? 0 : until;
    return true;
  }

  /** Limits one write, or ends the limit with 0. */
  #limitSend(ms: number): void {
    this.#sendBy = ms === 0 ? 0 : this.clock.now + ms;
    this.#setDeadline();
  }

  /** Limits one wait for the upstream, or ends the limit with 0. */
  #limitRead(ms: number): void {
    this.#readBy = ms === 0 ? 0 : this.clock.now + ms;
    this.#setDeadline();
  }

  /** Both directions have their own limit: the sooner one counts. */
  #setDeadline(): void {
    const sendBy = this.#sendBy;
    const readBy = this.#readBy;
    if (sendBy === 0) this.deadline = readBy;
    else this.deadline = readBy === 0 || sendBy < readBy ? sendBy : readBy;
  }

  async send(bytes: Uint8Array): Promise<void> {
    this.#limitSend(this.timeouts.sendMs);
    let written = await this.stream.write(bytes);
    while (written < bytes.length) {
      this.#limitSend(this.timeouts.sendMs);
      written += await this.stream.write(bytes.subarray(written));
    }
    if (this.#state === "busy") this.#limitSend(0);
  }

  countBody(): void {}

  /** Sends the rest of a message, while the answer is already waited for: it may come early. */
  async #sendBody(body: Body | undefined): Promise<void> {
    try {
      await this.#writer.finish();
      this.#sending = false;
      if (this.#awaited) this.#limitRead(this.timeouts.readMs);
      this.#settle();
    } catch (error) {
      this.#persistent = this.#sending = false;
      if (this.#awaited) this.#limitRead(this.timeouts.readMs);
      // A write that fails may still be followed by an answer, so only the client's own fault ends it.
      if (error instanceof BodyError) this.#bodyFailure = error;
      else body?.cancel();
      if (error instanceof BodyError || this.#complete) this.close();
    }
  }

  /** The head of the final answer, once it has arrived; interim ones before it are sent to the client. */
  #takeHead(request: ClientRequest): ReplyHead | undefined {
    const inbox = this.#inbox;
    for (;;) {
      const behind = findHeadEnd(inbox.bytes, inbox.start + this.#scanned, inbox.end);
      if (behind < 0) {
        // It would be waited for in vain.
        if (hasBareLf(inbox.bytes, inbox.start + this.#scanned, inbox.end)) {
          throw new ClientError("response", "a line of the upstream's head ends with a bare LF");
        }
        this.#scanned = Math.max(0, inbox.end - inbox.start - 3);
        return undefined;
      }
      this.#scanned = 0;
      this.#answered = true;
      const head = this.#replies.read(inbox.bytes, inbox.start, behind, request.method);
      inbox.start = behind;
      if (typeof head === "string") throw new ClientError("response", head);
      if (head.status >= 200 || (head.status === 101 && request.upgrade !== undefined)) return head;
      if (head.status === 101) throw new ClientError("response", UNASKED_SWITCH);
      if (++this.#interim > MAX_INTERIM) {
        throw new ClientError("response", "too many interim answers");
      }
      passInterim(request.interim, head.status, head.fields);
    }
  }

  #response(head: ReplyHead): ClientResponse {
    const inbox = this.#inbox;
    if (!head.persistent) this.#persistent = false;
    if (head.status === 101) {
      this.#state = "closed";
      this.deadline = 0;
      this.clock.unwatch(this);
      this.owner.onClosed(this);
      return new ClientResponse(head.status, head.fields, undefined, new InboxStream(inbox));
    }
    switch (head.framing) {
      case "none":
        this.onBodyEnd(true);
        return answer(head);
      case "length":
        return answer(head, new LengthBody(inbox, head.contentLength, 502, this));
      case "chunked":
        return answer(head, new ChunkedBody(inbox, UPSTREAM_CHUNKS, this));
      case "close":
        return answer(head, new UntilCloseBody(inbox, this));
    }
  }

  /** Sets the time limit of one wait for the answer. */
  onBodyWait(): void {
    this.#awaited = true;
    this.#limitRead(this.timeouts.readMs);
  }

  /** The reader has its bytes and decides when it wants more: the upstream is not to blame meanwhile. */
  onBodyBytes(): void {
    this.#awaited = false;
    if (this.#state === "busy") this.#limitRead(0);
  }

  reasonOf(error: unknown): string {
    if (this.#timedOut !== undefined) return this.#timedOut;
    // Of the runtime's own errors the name says more than the message; ours have none.
    if (error instanceof Error && error.name === "Error") return error.message;
    return `the upstream's connection failed: ${error}`;
  }

  onBodyEnd(complete: boolean): void {
    this.#complete = true;
    this.#awaited = false;
    if (!complete) this.close();
    else this.#settle();
  }

  /** Goes back to the owner, or ends, once both directions are done. */
  #settle(): void {
    if (this.#state !== "busy" || !this.#complete) return;
    // A complete answer to an incomplete request: how much more of the body is worth moving is for the
    // side that feeds it to say, by cancelling it; but the upstream may have stopped to read. And one that
    // answers without having read the body may take it for the next request.
    if (this.#sending) {
      this.#persistent = false;
      this.#limitRead(REST_MS);
      return;
    }
    if (!this.#inbox.isEmpty) this.owner.onSurplus();
    if (!this.#persistent || !this.#inbox.isEmpty) {
      this.close();
      return;
    }
    this.#state = "idle";
    this.#idleSince = this.clock.now;
    this.deadline = this.clock.now + MIN_IDLE_MS;
    this.#inbox.ahead().then(this.#onIdleRead, this.#onIdleEnd);
    this.owner.onIdle(this);
  }

  /** The read that an idle connection waits with is over. One that a request has gets its answer by it. */
  readonly #onIdleRead = (count: number | null): void => {
    if (this.#state !== "idle" && this.#state !== "claimed") return;
    const inbox = this.#inbox;
    inbox.arrived(count);
    if (count !== null && !isTimeoutNotice(inbox)) this.owner.onSurplus();
    this.close();
  };

  readonly #onIdleEnd = (): void => {
    if (this.#state === "idle" || this.#state === "claimed") this.close();
  };
}

/**
 * Whether an upstream closes an idle connection in the way that RFC 9110 section 15.5.9 has for it. It is no
 * fault, and no answer.
 */
function isTimeoutNotice({ bytes, start, end }: Inbox): boolean {
  return end - start >= TIMEOUT_NOTICE_BYTES &&
    /^HTTP\/1\.[01] 408[ \r]/.test(headText(bytes, start, start + TIMEOUT_NOTICE_BYTES));
}

function answer(head: ReplyHead, body?: Body): ClientResponse {
  return new ClientResponse(head.status, head.fields, body, undefined);
}

/** Methods whose missing body is declared by `Content-Length: 0` (RFC 9110 section 8.6). */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/** Writes the head of `request` as it is sent, with the fields that belong to the connection. */
export function writeRequestHead(sink: HeadSink, request: ClientRequest): void {
  const { names, values } = request.fields;
  sink.text(request.method);
  sink.text(" ");
  sink.text(request.target);
  sink.text(" HTTP/1.1\r\n");
  sink.field("host", request.authority);
  for (let i = 0; i < names.length; i++) sink.field(names[i], values[i]);
  const { body } = request;
  if (body !== undefined) {
    if (body.length === undefined) sink.text("transfer-encoding: chunked\r\n");
    else sink.text("content-length: " + body.length + "\r\n");
  } else if (needsLength(request.method)) {
    sink.text("content-length: 0\r\n");
  }
  if (request.upgrade !== undefined) {
    sink.text("connection: upgrade\r\n");
    sink.field("upgrade", request.upgrade);
  }
  sink.text("\r\n");
}
