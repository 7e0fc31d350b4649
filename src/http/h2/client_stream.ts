/**
 * One request to an upstream and its answer, on a connection that carries others too.
 *
 * @module
 */
import { BodyError } from "../body.ts";
import {
  ClientError,
  type ClientRequest,
  ClientResponse,
  READ_TIMEOUT,
  SEND_TIMEOUT,
} from "../client.ts";
import type { Fields } from "../fields.ts";
import { passInterim } from "../interim.ts";
import { ErrorCode, errorName, ResetBody } from "./wire/errors.ts";
import { IncomingBody } from "./incoming_body.ts";
import { PumpedBody } from "./outgoing_body.ts";
import { writeRequestHead } from "./heads/request_writer.ts";
import type { ResponseHead } from "./heads/response_head.ts";
import { Stream, type StreamHost } from "./stream.ts";

/** Most interim (1xx) answers in front of a final one. */
const MAX_INTERIM = 16;
/** Time for the end of an answer that has no body, when it did not come with the head. */
const END_WAIT_MS = 1_000;

/** The connection as a client's stream sees it. */
export interface ClientStreamHost extends StreamHost {
  /** Longest wait for the peer, in milliseconds; 0 for no limit. */
  readonly readTimeoutMs: number;
  readonly sendTimeoutMs: number;
  /** How often anything came from the peer. */
  readonly heard: number;
  /** Why the connection was lost. */
  readonly lossReason: string;
  /** Whether a request that got no answer before the connection was lost may be sent again. */
  isUntouched(stream: ClientStream): boolean;
}

/** A request in flight. */
export class ClientStream extends Stream {
  readonly response: Promise<ClientResponse>;
  /** The peer reported that it did not, and will not, look at the request. */
  isRefused = false;
  /** {@linkcode ClientStreamHost.heard} when the head was sent. */
  heardBefore = 0;
  /** Gives the request up, if its stream is still open. */
  readonly cancel = (): void => {
    if (!this.localDone || !this.remoteDone) this.#host.resetStream(this, ErrorCode.CANCEL);
  };
  readonly #host: ClientStreamHost;
  readonly #request: ClientRequest;
  #resolve: (response: ClientResponse) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #isAnswered = false;
  #interims = 0;
  /** The answer has no reader and no body. Its stream is still open. */
  #awaitsEnd = false;
  /** `Clock.now` when the wait for the peer began. */
  #waitingSince = 0;

  constructor(
    host: ClientStreamHost,
    id: number,
    sendWindow: number,
    request: ClientRequest,
  ) {
    super(host, id, sendWindow);
    this.#host = host;
    this.#request = request;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (request.body !== undefined) {
      this.outgoing = new PumpedBody(request.body, this);
    }
  }

  /** Method of the request, which its answer's framing depends on. */
  get method(): string {
    return this.#request.method;
  }

  override get isKnownToPeer(): boolean {
    return this.headSent;
  }

  /**
   * A head of the peer's.
   *
   * @returns Whether it is right; the stream is to be reset when it is not.
   */
  receiveHead(head: ResponseHead, endStream: boolean): boolean {
    if (head.problem === undefined && head.status < 200 && ++this.#interims > MAX_INTERIM) {
      head.problem = "it has too many interim answers";
    }
    if (head.problem !== undefined) {
      this.#fail(
        new ClientError("response", `the upstream's answer is not usable: ${head.problem}`),
      );
      return false;
    }
    const { status, fields } = head;
    this.#waitingSince = this.#host.clock.now;
    if (status < 200) {
      passInterim(this.#request.interim, status, fields);
      return true;
    }
    this.#isAnswered = true;
    let body: IncomingBody | undefined;
    if (!endStream) {
      this.incoming = new IncomingBody(this, head.isBodyless ? 0 : head.contentLength);
      if (head.isBodyless) this.#awaitsEnd = true;
      else body = this.incoming;
    }
    this.#resolve(new ClientResponse(status, fields, body, undefined));
    if (endStream) this.endReceiving(undefined);
    return true;
  }

  /** Whether the final answer's head has come: what follows are trailers. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  protected override writeHead(endStream: boolean): void {
    this.heardBefore = this.#host.heard;
    this.#waitingSince = this.#host.clock.now;
    writeRequestHead(this.#host.heads, this.id, this.#request, endStream);
  }

  protected override onSent(): void {
    this.#waitingSince = this.#host.clock.now;
  }

  /** The request's own body is at fault: what it says decides the answer. */
  protected override onSendFailed(reason: unknown): number {
    this.#fail(reason);
    return ErrorCode.CANCEL;
  }

  protected override onLocalDone(): void {
    this.#waitingSince = this.#host.clock.now;
  }

  /** A complete answer to an incomplete request: the rest of the body is not wanted. */
  protected override onRemoteDone(): void {
    this.outgoing?.cancel();
    this.#host.resetStream(this, ErrorCode.CANCEL);
  }

  override onDead(byPeer: boolean, code: number | undefined): void {
    this.outgoing?.release();
    if (!byPeer) this.#fail(new ClientError("response", reasonOfReset(code)));
    else if (code === undefined) this.#fail(this.#loss());
    else {
      const reason = `the upstream reset the stream: ${errorName(code)}`;
      const stage = code === ErrorCode.REFUSED_STREAM ? "refused" : "response";
      this.#fail(this.#isAnswered ? new ResetBody(code, reason) : new ClientError(stage, reason));
    }
  }

  #loss(): ClientError {
    const stage = this.isRefused || !this.headSent
      ? "refused"
      : this.#host.isUntouched(this)
      ? "unanswered"
      : "response";
    return new ClientError(stage, `the upstream's connection was lost: ${this.#host.lossReason}`);
  }

  /** Fails the waiting caller, for the head or for the body. The first reason counts. */
  #fail(reason: unknown): void {
    if (!this.#isAnswered) {
      this.#reject(reason);
      return;
    }
    const text = reason instanceof Error ? reason.message : String(reason);
    this.incoming?.fail(reason instanceof BodyError ? reason : new BodyError(502, text));
  }

  override receive(from: Uint8Array, start: number, end: number, isLast: boolean): boolean {
    if (super.receive(from, start, end, isLast)) return true;
    const reason = this.incoming === undefined
      ? "the upstream sent a body without a head"
      : "the upstream's body is not as long as its content-length";
    this.#fail(new ClientError("response", reason));
    return false;
  }

  override receiveTrailers(trailers: Fields): boolean {
    if (super.receiveTrailers(trailers)) return true;
    const reason = "the upstream's trailers come before the end of its body";
    this.#fail(new ClientError("response", reason));
    return false;
  }

  override onBodyAwaited(): void {
    this.#waitingSince = this.#host.clock.now;
  }

  override onBodyRead(count: number): undefined {
    this.#host.work.onBodyRead(count);
    this.credit(count);
  }

  override onBodyCancelled(): void {
    this.#host.resetStream(this, ErrorCode.CANCEL);
  }

  override sweep(now: number): void {
    if (this.#awaitsEnd && now - this.#waitingSince >= END_WAIT_MS) {
      this.#host.resetStream(this, ErrorCode.CANCEL);
      return;
    }
    const { readTimeoutMs, sendTimeoutMs } = this.#host;
    const waits = this.localDone && !this.#isAnswered || this.incoming?.isAwaited === true;
    const isLate = waits && readTimeoutMs !== 0 && now - this.#waitingSince >= readTimeoutMs;
    const isStuck = this.isBlocked && sendTimeoutMs !== 0 && now - this.sentAt >= sendTimeoutMs;
    if (!isLate && !isStuck) return;
    this.#fail(new ClientError("response", isStuck ? SEND_TIMEOUT : READ_TIMEOUT));
    this.#host.resetStream(this, ErrorCode.CANCEL);
  }
}

/** Why this side reset a stream, where nothing more exact is known: CANCEL is for what is no longer waited for. */
function reasonOfReset(code: number | undefined): string {
  return code === undefined || code === ErrorCode.CANCEL
    ? "the gateway cancelled the request"
    : `the upstream broke a rule of HTTP/2: ${errorName(code)}`;
}
