/**
 * One request and its answer on an HTTP/2 connection.
 *
 * @module
 */
import { BodyError } from "../body.ts";
import { bodyCut, rateCut, totalCut, writeCut } from "../cut.ts";
import { type HttpExchange, RATE_GRACE_MS } from "../exchange.ts";
import { Fields, type ReadonlyFields } from "../fields.ts";
import type { InterimOutlet } from "../interim.ts";
import { TICK_MS } from "../../net/clock.ts";
import { ErrorCode, ResetBody } from "./wire/errors.ts";
import { PumpedBody, WholeBody } from "./outgoing_body.ts";
import { hasBody, writeInterim, writeResponseHead } from "./heads/response_writer.ts";
import { Stream, type StreamHost } from "./stream.ts";

const NO_FIELDS = new Fields();

/**
 * Longest a client may go on sending a request that is answered already. It is not stopped at once
 * with RST_STREAM, as RFC 9113 section 8.1 would have it: clients in wide use lose the answer then.
 */
const DISCARD_MS = 10_000;

/** The connection as a server's stream sees it. */
export interface ServerStreamHost<X extends HttpExchange> extends StreamHost {
  /** The answer's last octet is in the output; `onWritten` follows once it has been written. */
  leave(stream: ServerStream<X>): void;
  /** Makes a refusal the answer of `exchange`. */
  refuse(exchange: X, status: number, reason: string): void;
  /** The stream is dead, but the gateway is still at work on its exchange. */
  abandon(): void;
  /**
   * The exchange is over.
   *
   * @param wasAbandoned Whether {@linkcode abandon} was called for it.
   */
  finish(stream: ServerStream<X>, wasAbandoned: boolean): void;
}

/**
 * `handling`: the gateway makes the answer. `abandoned`: it does, but no client waits any more. `answering`:
 * the answer is being sent. `leaving`: all of it is in the output. `over`: the exchange was finished.
 */
type State = "handling" | "abandoned" | "answering" | "leaving" | "over";

/** A stream that a client opened. */
export class ServerStream<X extends HttpExchange> extends Stream implements InterimOutlet {
  override readonly isKnownToPeer = true;
  #state: State = "handling";
  #awaitsContinue: boolean;
  /** `Clock.now` when the body's reader began to wait. */
  #bodyAwaitedAt = 0;
  /** `Clock.now` when the answer began. */
  #answeredAt = 0;
  /** Time that octets have waited for the client to take them. */
  #blockedMs = 0;
  readonly #server: ServerStreamHost<X>;

  constructor(
    host: ServerStreamHost<X>,
    id: number,
    sendWindow: number,
    readonly exchange: X,
    awaitsContinue: boolean,
    /** The head was refused before routing, or will be by the handler. */
    readonly headIsRefused: boolean,
  ) {
    super(host, id, sendWindow);
    this.#server = host;
    this.#awaitsContinue = awaitsContinue;
  }

  /** The gateway has made the answer. */
  answer(): void {
    if (this.#state === "abandoned") {
      const body = this.exchange.responseBody;
      if (body !== undefined && !(body instanceof Uint8Array)) body.cancel();
      this.finish();
      return;
    }
    const { exchange, host } = this;
    this.#state = "answering";
    this.#answeredAt = this.sentAt = host.clock.now;
    if (exchange.status === 0 || exchange.status === 101) {
      // Nothing can be sent: the gateway gave up, or means to speak another protocol.
      const code = exchange.status === 0 ? ErrorCode.INTERNAL_ERROR : ErrorCode.HTTP_1_1_REQUIRED;
      host.resetStream(this, code);
      return;
    }
    const body = exchange.responseBody;
    if (body !== undefined) {
      if (hasBody(exchange)) {
        this.outgoing = body instanceof Uint8Array
          ? new WholeBody(body)
          : new PumpedBody(body, this);
      } else if (!(body instanceof Uint8Array)) {
        body.cancel();
      }
    }
    host.wantTurn(this);
  }

  /** The exchange is over, one way or another. */
  finish(): void {
    const wasAbandoned = this.#state === "abandoned";
    this.#state = "over";
    this.#server.finish(this, wasAbandoned);
  }

  protected override writeHead(endStream: boolean): void {
    const { host } = this;
    writeResponseHead(host.heads, this.id, this.exchange, host.clock, endStream);
  }

  protected override onSent(count: number): void {
    this.exchange.responseBodyBytes += count;
  }

  protected override refuseInstead(reason: unknown): boolean {
    if (!(reason instanceof BodyError)) return false;
    const { exchange } = this;
    this.outgoing?.cancel();
    exchange.failure = reason.message;
    exchange.responseBody = undefined;
    this.#server.refuse(exchange, reason.status, reason.message);
    return true;
  }

  protected override onSendFailed(reason: unknown): number {
    this.exchange.failed = true;
    if (reason instanceof BodyError) this.exchange.failure = reason.message;
    return reason instanceof ResetBody ? reason.codeForClient : ErrorCode.INTERNAL_ERROR;
  }

  /** The request is complete, which is what the answer waits for. */
  protected override onRemoteDone(): void {}

  protected override onLocalDone(): void {
    this.#state = "leaving";
    this.#server.leave(this);
    // A reader of the request's body must not take it for whole. The rest of it is dropped.
    this.incoming?.fail(new BodyError(400, "the request was answered before its body had come"));
  }

  override onDead(byPeer: boolean): void {
    if (this.localDone) return;
    const { exchange } = this;
    const isHandled = this.#state !== "handling";
    this.#state = isHandled ? this.#state : "abandoned";
    if (!isHandled) this.#server.abandon();
    exchange.failed = true;
    if (byPeer || !isHandled) exchange.aborted = true;
    this.incoming?.fail(new BodyError(400, "the client gave the request up"));
    this.outgoing?.cancel();
    exchange.onAbort?.();
    if (isHandled) this.finish();
  }

  override onBodyAwaited(): void {
    this.#bodyAwaitedAt = this.host.clock.now;
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.inform(100, NO_FIELDS);
  }

  inform(status: number, fields: ReadonlyFields): void {
    if (this.#state !== "handling") return;
    writeInterim(this.host.heads, this.id, status, fields);
    this.host.wantFlush();
  }

  override onBodyRead(count: number): BodyError | undefined {
    const { exchange } = this;
    exchange.requestBodyBytes += count;
    this.host.work.onBodyRead(count);
    this.credit(count);
    if (exchange.requestBodyBytes <= exchange.bodyLimit) return undefined;
    return new BodyError(413, "the body is larger than the limit");
  }

  /** The rest is dropped as it comes: a client that cannot send it might not look at the answer. */
  override onBodyCancelled(): void {}

  override onBodyDropped(count: number): void {
    this.credit(count);
  }

  override sweep(now: number): void {
    const { exchange, incoming } = this;
    if (this.localDone) {
      if (now - this.sentAt >= DISCARD_MS) this.host.endStream(this);
      return;
    }
    if (incoming?.isAwaited === true && now - this.#bodyAwaitedAt >= exchange.bodyTimeoutMs) {
      incoming.fail(new BodyError(408, bodyCut(exchange)));
    }
    if (this.#state !== "answering") return;
    const isWaiting = this.isBlocked || this.host.output.writingSince !== 0;
    if (isWaiting) this.#blockedMs += TICK_MS;
    const cut = this.#cutAt(now);
    if (cut !== undefined) {
      exchange.failed = true;
      exchange.failure = cut;
      this.host.resetStream(this, ErrorCode.CANCEL);
    }
  }

  /** Why the answer is to be cut, if it is. */
  #cutAt(now: number): string | undefined {
    const { exchange } = this;
    const { writeTimeoutMs, responseTimeoutMs, minSendRate, responseBodyBytes } = exchange;
    if (this.isBlocked && now - this.sentAt >= writeTimeoutMs) return writeCut(exchange);
    if (responseTimeoutMs !== 0 && now - this.#answeredAt >= responseTimeoutMs) {
      return totalCut(exchange);
    }
    const counted = this.#blockedMs - RATE_GRACE_MS;
    if (minSendRate === 0 || counted <= 0) return undefined;
    return responseBodyBytes * 1000 < minSendRate * counted ? rateCut(exchange) : undefined;
  }
}
