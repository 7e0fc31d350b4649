/**
 * An HTTP/2 connection from a client: many requests at a time, answers as they are ready.
 *
 * @module
 */
import type { Handler, HttpExchange } from "../exchange.ts";
import type { ConnectionFacts } from "../../net/connection_facts.ts";
import type { Drainable, ServerOptions } from "../server.ts";
import { NEXT_TICK } from "../../net/clock.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Inbox } from "../../net/inbox.ts";
import { blockLimit, Connection, connectionWindow } from "./connection.ts";
import { sendGoAway, sendPing, sendReset } from "./wire/control_frames.ts";
import { ConnectionError, ErrorCode } from "./wire/errors.ts";
import { requestClassifier } from "./heads/field_tags.ts";
import { MAX_STREAM_ID, PREFACE } from "./wire/frames.ts";
import { Decoder } from "./hpack/mod.ts";
import { IncomingBody } from "./incoming_body.ts";
import { RequestHead } from "./heads/request_head.ts";
import { ServerStream, type ServerStreamHost } from "./server_stream.ts";
import { STREAM_WINDOW } from "./stream.ts";
import { NO_SINK, TrailerFields } from "./heads/trailer_fields.ts";
import { Cost } from "./wire/work_budget.ts";

/** Streams a client may have open at once (spec 05 section 2.4). */
const MAX_STREAMS = 32;

/**
 * Streams that were opened and reset before they could be looked at, tolerated in one read (spec 05
 * section 2.4: pending accepted-then-reset streams). No client gives up what it has just asked for that
 * often.
 */
const MAX_PENDING_RESETS = 8;

/** Longest wait for a drained client to answer the PING between the two GOAWAYs. */
const DRAIN_PING_MS = 1_000;
const DRAIN_MARK = 0x64726169;

/** Longest a control frame may take to write when no answer sets a limit. */
const CONTROL_WRITE_TIMEOUT_MS = 30_000;

/**
 * Serves one connection to its end: the client's preface is read from `stream`, which is closed when the
 * last exchange is over.
 *
 * @param facts What is known of the connection; shared by its exchanges.
 * @throws What a fault of this program throws; never what a client can cause.
 */
export function serveHttp2<X extends HttpExchange>(
  stream: Duplex,
  facts: ConnectionFacts,
  handler: Handler<X>,
  options: ServerOptions,
): Promise<void> {
  return new ServerConnection(stream, facts, handler, options).serve();
}

class ServerConnection<X extends HttpExchange> extends Connection<ServerStream<X>>
  implements Drainable, ServerStreamHost<X> {
  readonly #facts: ConnectionFacts;
  readonly #handler: Handler<X>;
  readonly #options: ServerOptions;
  readonly #head = new RequestHead();
  #greeted = false;
  /** The highest stream the client opened, and the highest before the current read. */
  #lastId = 0;
  #lastIdBefore = 0;
  /** Streams above it are not served: the last one named in GOAWAY. */
  #lastAccepted = MAX_STREAM_ID;
  #pendingResets = 0;
  /** Exchanges that are not over; those whose stream is dead already; those that wait to be written. */
  #unfinished = 0;
  #abandoned = 0;
  #leaving: ServerStream<X>[] = [];
  #idleSince: number;
  #drainingSince = 0;
  #onLastFinished: (() => void) | undefined;

  constructor(
    stream: Duplex,
    facts: ConnectionFacts,
    handler: Handler<X>,
    options: ServerOptions,
  ) {
    const { clock, limits, headTimeoutMs } = options;
    super({
      stream,
      clock,
      decoder: new Decoder(requestClassifier),
      greeting: undefined,
      settings: {
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: limits.maxHeadBytes,
        maxConcurrentStreams: MAX_STREAMS,
      },
      maxBlockBytes: blockLimit(limits.maxHeadBytes),
      headTimeoutMs,
      // Answers that one read brings about leave together.
      promptTurns: Infinity,
      window: connectionWindow(MAX_STREAMS),
    });
    this.#facts = facts;
    this.#handler = handler;
    this.#options = options;
    this.#idleSince = clock.now;
    this.#becomeIdle();
  }

  async serve(): Promise<void> {
    const { open } = this.#options;
    open.add(this);
    try {
      await this.run();
    } finally {
      open.delete(this);
    }
    if (this.#unfinished > 0) {
      await new Promise<void>((resolve) => this.#onLastFinished = resolve);
    }
  }

  // --- requests --------------------------------------------------------------------------------

  protected override readPreface(inbox: Inbox): boolean {
    if (this.#greeted) return true;
    const { bytes, start, end } = inbox;
    const count = Math.min(end - start, PREFACE.length);
    for (let i = 0; i < count; i++) {
      if (bytes[start + i] !== PREFACE[i]) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "this is not HTTP/2");
      }
    }
    if (count < PREFACE.length) return false;
    inbox.start += count;
    this.#greeted = true;
    return true;
  }

  override onBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      const trailers = new TrailerFields();
      this.decode(bytes, start, end, trailers);
      if (trailers.isMalformed) this.spendBlock(0, end - start);
      this.onTrailers(stream, trailers.isMalformed ? undefined : trailers.fields, endStream);
      return;
    }
    if (!this.isIdle(streamId)) return this.#onLateBlock(streamId, bytes, start, end);
    if (streamId % 2 === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a client's stream has an even number");
    }
    this.#lastId = streamId;
    const hasRoom = this.streams.size + this.#abandoned < MAX_STREAMS;
    if (!hasRoom || streamId > this.#lastAccepted) {
      this.decode(bytes, start, end, NO_SINK);
      this.spendBlock(Cost.FRAME, end - start);
      if (!hasRoom) this.#refuseStream(streamId, ErrorCode.REFUSED_STREAM);
      return;
    }
    const head = this.#head;
    head.reset(this.#options.limits);
    this.decode(bytes, start, end, head);
    head.complete(endStream);
    if (head.malformed !== undefined) {
      this.spendBlock(Cost.REFUSED_HEAD, end - start);
      this.#refuseStream(streamId, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    this.#open(streamId, head, endStream, end - start);
  }

  /** Fields on a stream that is over: trailers that crossed our reset, or a number that was used before. */
  #onLateBlock(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    this.decode(bytes, start, end, NO_SINK);
    this.spendBlock(Cost.FRAME, end - start);
    switch (this.closedStreams.endingOf(streamId)) {
      case "reset-by-us":
        return;
      case "complete":
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, "fields behind the end of a stream");
      case "unknown":
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a stream number that is used up");
    }
  }

  #refuseStream(streamId: number, code: number): void {
    this.closedStreams.reset(streamId);
    sendReset(this.output, streamId, code);
  }

  /** @param blockBytes Octets of the head as sent. */
  #open(streamId: number, head: RequestHead, endStream: boolean, blockBytes: number): void {
    const handler = this.#handler;
    const exchange = handler.create(this.#facts);
    exchange.startedAt = this.readAt;
    const refusal = head.refusal();
    head.describe(exchange);
    const isRefused = refusal !== undefined || exchange.headFault !== undefined;
    const stream = new ServerStream(
      this,
      streamId,
      this.peer.initialWindowSize,
      exchange,
      head.expectsContinue,
      isRefused,
    );
    exchange.interim = stream;
    this.#unfinished++;
    this.deadline = NEXT_TICK;
    this.streams.add(stream);

    if (endStream) {
      stream.remoteDone = true;
    } else {
      stream.incoming = new IncomingBody(stream, head.contentLength);
      exchange.requestBody = stream.incoming;
    }
    if (refusal !== undefined) {
      handler.refuse(exchange, refusal.status, refusal.reason);
      stream.answer();
    } else {
      this.#answerAfter(stream, handler.handle(exchange));
    }
    // Last, so that what ends the connection finds the exchange in order.
    if (isRefused) this.spendBlock(Cost.REFUSED_HEAD, blockBytes);
  }

  /** Answers when what the gateway waits for has come, or at once. */
  #answerAfter(stream: ServerStream<X>, waiting: void | Promise<unknown>): void {
    if (waiting === undefined) {
      stream.answer();
      return;
    }
    const handler = this.#handler;
    const { exchange } = stream;
    waiting.then(
      (arrived) => this.#answerAfter(stream, handler.resume(exchange, arrived)),
      (reason) => this.#answerAfter(stream, handler.fail(exchange, reason)),
    );
  }

  leave(stream: ServerStream<X>): void {
    this.#leaving.push(stream);
  }

  override onWritten(): void {
    const written = this.#leaving;
    if (written.length === 0) return;
    this.#leaving = [];
    const isLost = this.phase === "over";
    for (const stream of written) {
      if (isLost) stream.exchange.failed = true;
      stream.finish();
    }
  }

  refuse(exchange: X, status: number, reason: string): void {
    this.#handler.refuse(exchange, status, reason);
  }

  abandon(): void {
    this.#abandoned++;
  }

  finish(stream: ServerStream<X>, wasAbandoned: boolean): void {
    this.#unfinished--;
    if (wasAbandoned) this.#abandoned--;
    if (!stream.exchange.failed && !stream.headIsRefused) this.work.onAnswer();
    this.#handler.finish(stream.exchange);
    if (this.#unfinished === 0) this.#onLastFinished?.();
  }

  // --- resets ----------------------------------------------------------------------------------

  protected override onPeerReset(stream: ServerStream<X>): void {
    // An answer that was complete has cost what it costs anyway.
    if (stream.localDone) this.onLateReset(stream.id);
    else this.#countReset(stream.id);
  }

  protected override onPeerFault(stream: ServerStream<X>): void {
    this.#countReset(stream.id);
  }

  protected override onLateReset(streamId: number): void {
    if (streamId > this.#lastIdBefore) this.#countReset(streamId);
  }

  /**
   * Rapid reset: a stream costs its work even when no answer is wanted any more, whichever side ended it.
   *
   * @throws {ConnectionError} ENHANCE_YOUR_CALM.
   */
  #countReset(streamId: number): void {
    this.spend(Cost.RESET);
    if (streamId > this.#lastIdBefore && ++this.#pendingResets > MAX_PENDING_RESETS) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too many streams are reset");
    }
  }

  protected override onBatchEnd(): void {
    this.#lastIdBefore = this.#lastId;
    this.#pendingResets = 0;
  }

  // --- time, and the end -----------------------------------------------------------------------

  /** Says that no further request will be served, lets those in flight finish, then ends. */
  get underWay(): number {
    return this.#unfinished;
  }

  drain(): void {
    if (this.phase !== "open" || this.#drainingSince !== 0) return;
    this.#drainingSince = this.clock.now;
    this.deadline = NEXT_TICK;
    // Requests may be on their way: the real last number is sent when this PING has gone round.
    sendGoAway(this.output, MAX_STREAM_ID, ErrorCode.NO_ERROR, "");
    sendPing(this.output, DRAIN_MARK);
    this.wantFlush();
  }

  override onPong(mark: number): void {
    const isAwaited = this.#drainingSince !== 0 && this.#lastAccepted === MAX_STREAM_ID;
    if (isAwaited && mark === DRAIN_MARK) this.#acceptNoMore();
    else this.spend(Cost.FRAME);
  }

  #acceptNoMore(): void {
    if (this.#lastAccepted !== MAX_STREAM_ID) return;
    this.#lastAccepted = this.#lastId;
    sendGoAway(this.output, this.#lastId, ErrorCode.NO_ERROR, "");
    this.wantFlush();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#lastAccepted !== MAX_STREAM_ID && this.streams.size === 0) this.end();
  }

  /** The client opens no more streams: the connection ends with its last one. */
  override onGoAway(): void {
    this.spend(Cost.FRAME);
    this.#lastAccepted = this.#lastId;
    this.#endIfDone();
  }

  override onPeerSettings(): void {}

  protected override onStreamGone(): void {
    if (this.streams.size > 0) return;
    this.#becomeIdle();
    this.#endIfDone();
  }

  /** The next sweep works out when to come again: what was answered may still have to be written. */
  #becomeIdle(): void {
    this.#idleSince = this.clock.now;
    this.deadline = NEXT_TICK;
  }

  protected override onSweep(now: number): void {
    if (this.#drainingSince !== 0 && now - this.#drainingSince >= DRAIN_PING_MS) {
      this.#acceptNoMore();
    }
    if (this.phase !== "open") return;
    const isIdle = this.streams.size === 0;
    if (isIdle && now - this.#idleSince >= this.#options.headTimeoutMs) {
      sendGoAway(this.output, this.lastPeerStreamId(), ErrorCode.NO_ERROR, "");
      this.end();
      return;
    }
    const isQuiet = isIdle && this.#drainingSince === 0 && this.output.writingSince === 0;
    this.deadline = isQuiet ? this.#idleSince + this.#options.headTimeoutMs : NEXT_TICK;
  }

  protected override onCut(reason: string): void {
    for (const { exchange } of this.streams.list()) exchange.failure ||= reason;
    for (const { exchange } of this.#leaving) exchange.failure ||= reason;
  }

  protected override writeTimeoutMs(): number {
    let least = CONTROL_WRITE_TIMEOUT_MS;
    for (const { exchange } of this.streams.list()) {
      least = Math.min(least, exchange.writeTimeoutMs);
    }
    for (const { exchange } of this.#leaving) least = Math.min(least, exchange.writeTimeoutMs);
    return least;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId > this.#lastId || streamId % 2 === 0;
  }

  /** Never more than in an earlier GOAWAY (RFC 9113 section 6.8). */
  protected override lastPeerStreamId(): number {
    return Math.min(this.#lastId, this.#lastAccepted);
  }
}
