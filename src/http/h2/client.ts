/**
 * An HTTP/2 connection to an upstream: many requests at a time over one stream.
 *
 * @module
 */
import { ClientError, type ClientRequest, type ClientResponse } from "../client.ts";
import { type Clock, NEXT_TICK } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Inbox } from "../../net/inbox.ts";
import { ClientStream, type ClientStreamHost } from "./client_stream.ts";
import { blockLimit, Connection, connectionWindow } from "./connection.ts";
import { sendGoAway, sendPing } from "./wire/control_frames.ts";
import { ConnectionError, ErrorCode, errorName } from "./wire/errors.ts";
import { responseClassifier } from "./heads/field_tags.ts";
import { MAX_STREAM_ID, PREFACE } from "./wire/frames.ts";
import { Decoder, TextCache } from "./hpack/mod.ts";
import { MAX_RESPONSE_LIST_BYTES, ResponseHead } from "./heads/response_head.ts";
import { STREAM_WINDOW } from "./stream.ts";
import { NO_SINK, TrailerFields } from "./heads/trailer_fields.ts";
import { Cost } from "./wire/work_budget.ts";

/** Longest a field block of an upstream may take from its first frame to its last. */
const BLOCK_TIMEOUT_MS = 10_000;

/**
 * Requests that leave without waiting for more. One turn of the event loop may bring hundreds, and an
 * upstream that gets them in pieces works on the first while the last are still being made.
 */
const PROMPT_REQUESTS = 16;

/** How an answer of HTTP/1 begins. Of a frame it would be a length that none may have. */
const HTTP1 = new TextEncoder().encode("HTTP/1.");

/** Values of an upstream's fields that are remembered by their encoded form. A power of two. */
const KEPT_VALUES = 256;

/** Time limits of a connection to an upstream, in milliseconds; 0 for none. */
export interface Http2Timeouts {
  /** Without anything on a stream that a caller waits for. */
  readonly readMs: number;
  /** Without the upstream taking anything of a request. */
  readonly sendMs: number;
  /** A connection without streams. */
  readonly idleMs: number;
}

/** What a connection to an upstream works with. */
export interface Http2ClientOptions {
  readonly clock: Clock;
  readonly timeouts: Http2Timeouts;
  /** Most streams at a time; the upstream may allow fewer. */
  readonly maxStreams: number;
  /**
   * After this long without a sign of life the upstream is asked for one, in milliseconds; when as much
   * time again passes in silence the connection is given up. 0: never.
   */
  readonly pingIntervalMs: number;
}

/** A request that was sent, and may be given up. */
export interface Http2Call {
  /** The final answer. @throws as {@linkcode Http2Client.request}. */
  readonly response: Promise<ClientResponse>;
  /** Resets the stream, if it is still open. */
  cancel(): void;
}

/** A connection to an upstream. It is in use from the moment it is made. */
export class Http2Client extends Connection<ClientStream> implements ClientStreamHost {
  /** Called once, when the connection has ended and every stream on it is settled. */
  onClosed: (() => void) | undefined = undefined;
  /** Called when a stream has ended: there may be room for another. */
  onStreamEnded: (() => void) | undefined = undefined;
  /** Requests that were sent on it. */
  requests = 0;
  heard = 0;
  readonly #options: Http2ClientOptions;
  readonly #head = new ResponseHead();
  #nextId = 1;
  #ended = 0;
  /** What comes first is not HTTP/1. */
  #isGreeted = false;
  /** The upstream takes no new streams. */
  #isLeaving = false;
  #idleSince: number;
  /** `Clock.now` at the latest bytes of the upstream's, and at a PING that is not answered yet. */
  #heardAt: number;
  #pingedAt = 0;
  /** Its answer has not come, though other bytes may have. */
  #isPongDue = false;

  constructor(stream: Duplex, options: Http2ClientOptions) {
    const { clock, maxStreams } = options;
    super({
      stream,
      clock,
      decoder: new Decoder(responseClassifier, undefined, new TextCache(KEPT_VALUES)),
      greeting: PREFACE,
      settings: {
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: MAX_RESPONSE_LIST_BYTES,
        maxConcurrentStreams: undefined,
      },
      maxBlockBytes: blockLimit(MAX_RESPONSE_LIST_BYTES),
      headTimeoutMs: BLOCK_TIMEOUT_MS,
      promptTurns: PROMPT_REQUESTS,
      window: connectionWindow(maxStreams),
    });
    this.#options = options;
    this.#idleSince = this.#heardAt = clock.now;
    this.deadline = NEXT_TICK;
    this.#serve();
  }

  /** Streams that are open now. */
  get activeStreams(): number {
    return this.streams.size;
  }

  /** Most streams at a time: the smaller of what was configured and what the upstream allows. */
  get maxStreams(): number {
    return Math.min(this.#options.maxStreams, this.peer.maxConcurrentStreams);
  }

  /** Whether another request may be sent now. */
  get isAvailable(): boolean {
    return !this.closed && this.streams.size < this.maxStreams;
  }

  /** Whether no request may ever be sent on it again; those in flight may still be answered. */
  get closed(): boolean {
    return this.phase !== "open" || this.#isLeaving || this.#nextId > MAX_STREAM_ID;
  }

  get readTimeoutMs(): number {
    return this.#options.timeouts.readMs;
  }

  get sendTimeoutMs(): number {
    return this.#options.timeouts.sendMs;
  }

  /**
   * Sends a request and waits for the head of its final answer. The request's body is read as it is sent,
   * and belongs to the caller: what is left of it on failure is the caller's to cancel or to replay.
   *
   * @throws {ClientError} `unsent` or `refused` when the upstream certainly did not act on it.
   * @throws what the request's own body throws.
   */
  request(request: ClientRequest): Promise<ClientResponse> {
    return this.start(request).response;
  }

  /** As {@linkcode request}, with a way to give it up before there is an answer. */
  start(request: ClientRequest): Http2Call {
    const problem = request.upgrade !== undefined
      ? new ClientError("connect", "an upgrade needs HTTP/1.1")
      : this.isAvailable
      ? undefined
      : new ClientError("unsent", "the connection takes no more requests");
    if (problem !== undefined) return { response: Promise.reject(problem), cancel() {} };
    const stream = new ClientStream(
      this,
      this.#nextId,
      this.peer.initialWindowSize,
      request,
    );
    this.#nextId += 2;
    this.requests++;
    this.streams.add(stream);
    this.wantTurn(stream);
    return stream;
  }

  /** Takes no more requests, and ends with the last one in flight. */
  drain(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#endIfDone();
  }

  isUntouched(stream: ClientStream): boolean {
    // After an earlier answer a connection may have been closed as idle while the request was on its
    // way; once anything at all has come since, the upstream was there and may have acted on it.
    return this.#ended > 0 && this.heard === stream.heardBefore;
  }

  async #serve(): Promise<void> {
    try {
      await this.run();
    } finally {
      this.onClosed?.();
    }
  }

  // --- frames ----------------------------------------------------------------------------------

  /** A server's preface is its first frame (RFC 9113 section 3.4). One of HTTP/1 answers ours in text. */
  protected override readPreface(inbox: Inbox): boolean {
    if (this.#isGreeted) return true;
    const { bytes, start, end } = inbox;
    const arrived = Math.min(end - start, HTTP1.length);
    for (let i = 0; i < arrived; i++) {
      if (bytes[start + i] !== HTTP1[i]) return this.#isGreeted = true;
    }
    if (arrived < HTTP1.length) return false;
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      "it does not speak HTTP/2: it answers in HTTP/1",
    );
  }

  override onBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.decode(bytes, start, end, NO_SINK);
      // Answers to requests that were given up cross our reset, one each.
      this.spendBlock(Cost.LATE, (end - start) >> 3);
      if (this.isIdle(streamId)) {
        throw new ConnectionError(
          ErrorCode.PROTOCOL_ERROR,
          "fields on a stream that was not opened",
        );
      }
      return;
    }
    if (stream.isAnswered) {
      const trailers = new TrailerFields();
      this.decode(bytes, start, end, trailers);
      this.onTrailers(stream, trailers.isMalformed ? undefined : trailers.fields, endStream);
      return;
    }
    const head = this.#head;
    head.reset(stream.method);
    this.decode(bytes, start, end, head);
    head.complete(endStream);
    if (!stream.receiveHead(head, endStream)) {
      this.spendBlock(0, end - start);
      this.resetStream(stream, ErrorCode.PROTOCOL_ERROR);
    } else if (stream.isAnswered) this.work.onAnswer();
  }

  protected override onPeerReset(): void {}

  /** It costs the upstream the stream, which was ours to open. */
  protected override onPeerFault(): void {}

  protected override onLateReset(): void {}

  override onPong(): void {
    if (this.#isPongDue) this.#isPongDue = false;
    else this.spend(Cost.FRAME);
  }

  /** Streams above the last one named were not, and will not be, looked at: they may be sent again. */
  override onGoAway(lastId: number, code: number): void {
    this.spend(Cost.FRAME);
    this.#isLeaving = true;
    this.lossReason = `it said GOAWAY, ${errorName(code)}`;
    for (const stream of this.streams.list()) {
      if (stream.id <= lastId) continue;
      stream.isRefused = true;
      this.loseStream(stream);
    }
    this.#endIfDone();
  }

  protected override onPeerSettings(): void {
    this.onStreamEnded?.();
  }

  protected override onBatchEnd(): void {
    this.heard++;
    this.#heardAt = this.clock.now;
    this.#pingedAt = 0;
  }

  override onWritten(): void {}

  // --- time, and the end -----------------------------------------------------------------------

  protected override onStreamGone(): void {
    this.#ended++;
    if (this.streams.size === 0) this.#idleSince = this.clock.now;
    this.#endIfDone();
    this.onStreamEnded?.();
  }

  #endIfDone(): void {
    if (!this.#isLeaving || this.streams.size > 0 || this.phase !== "open") return;
    sendGoAway(this.output, 0, ErrorCode.NO_ERROR, "");
    this.end();
  }

  protected override onSweep(now: number): void {
    this.deadline = NEXT_TICK;
    const { idleMs } = this.#options.timeouts;
    if (idleMs !== 0 && this.streams.size === 0 && now - this.#idleSince >= idleMs) this.drain();
    else this.#ping(now);
  }

  #ping(now: number): void {
    const { pingIntervalMs } = this.#options;
    if (pingIntervalMs === 0) return;
    if (this.#pingedAt !== 0) {
      if (now - this.#pingedAt < pingIntervalMs) return;
      this.lossReason = "it does not answer";
      this.abort();
    } else if (now - this.#heardAt >= pingIntervalMs) {
      this.#pingedAt = now;
      this.#isPongDue = true;
      sendPing(this.output, 0);
      this.wantFlush();
    }
  }

  protected override writeTimeoutMs(): number {
    return this.#options.timeouts.sendMs;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId >= this.#nextId || streamId % 2 === 0;
  }

  protected override lastPeerStreamId(): number {
    return 0;
  }
}
