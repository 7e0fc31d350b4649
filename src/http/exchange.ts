/**
 * One request and its answer as a codec sees them: what HTTP/1.1, HTTP/2 and HTTP/3 have in common.
 * A codec fills the request half, the gateway fills the answer half, the codec sends it.
 *
 * @module
 */
import type { Body } from "./body.ts";
import { Fields, type ReadonlyFields } from "./fields.ts";
import type { InterimOutlet } from "./interim.ts";
import type { ConnectionFacts } from "../net/connection_facts.ts";
import type { Duplex } from "../net/duplex.ts";

/** Kinds of refusal that are no fault of a message, but of the port that it was sent to. */
export type RefusalKind = "wrong_port";

/** The HTTP version an exchange came in by, as `major * 10 + minor`. */
export type HttpVersion = 10 | 11 | 20 | 30;

/**
 * A size or a framing that is not allowed, in a request whose target and fields could be read for
 * certain. Its body is not read and its connection serves no further request, whatever answers it.
 */
export interface HeadFault {
  /** Status of the refusal. */
  readonly status: 400 | 413 | 414 | 431;
  /** For the log and for tests; never sent to the client. */
  readonly reason: string;
}

/** Head start of a slow reader before {@linkcode HttpExchange.minSendRate} is applied. */
export const RATE_GRACE_MS = 1_000;

/** One request and its answer. */
export class HttpExchange {
  // --- the request, filled by the codec -------------------------------------------------------
  /** Request method, as it came: methods are case-sensitive. */
  method = "";
  /** Path and query exactly as received, in origin form (absolute form is reduced to it). */
  target = "";
  /** `target` up to the first `?`. */
  path = "";
  /** `target` after the first `?`, or `undefined` when there is none. */
  query: string | undefined = undefined;
  /**
   * `Host`, `:authority` or the authority of an absolute target: what is forwarded, as it came but without
   * an empty port. `""` when missing.
   */
  authority = "";
  /** The host of `authority` as hosts are compared; `""` when it is missing or not valid. */
  host = "";
  /** Version of HTTP that the request came in. */
  version: HttpVersion = 11;
  /** Fields of the request. */
  request: ReadonlyFields = NO_FIELDS;
  /** Why the request is to be refused, by the handler and where its order of refusals says. */
  headFault: HeadFault | undefined = undefined;
  /** `undefined` when the request has no body. */
  requestBody: Body | undefined = undefined;
  /** Most decoded body bytes the codec accepts; past it the body's `read` throws a 413 `BodyError`. */
  bodyLimit: number = Infinity;
  /** Where interim answers go, if its version of HTTP has them. */
  interim: InterimOutlet | undefined = undefined;
  /** Longest wait for the next piece of the request body. Spec 01 section 3.7. */
  bodyTimeoutMs = 30_000;

  // --- the answer, filled by the gateway ------------------------------------------------------
  /** Final status; 0 while nothing has answered. */
  status = 0;
  /** Fields of the answer. */
  response: Fields = NO_FIELDS;
  /** A whole body, a streamed one, or `undefined` for none. The codec frames it. */
  responseBody: Uint8Array | Body | undefined = undefined;
  /** Set to end the connection after this answer (HTTP/1) or ignored (HTTP/2 and later). */
  closeAfter = false;
  /** Longest one write to the client may stall. */
  writeTimeoutMs = 30_000;
  /** Longest the whole answer may take from its first byte to its last; 0 for no limit. */
  responseTimeoutMs = 0;
  /** Slowest reader tolerated, in bytes a second over the whole answer; 0 for no such limit. */
  minSendRate = 0;
  /** With status 101: the upstream's side of the tunnel. The codec relays until both sides end. */
  tunnel: Duplex | undefined = undefined;
  /** Longest a tunnel may be silent in both directions; 0 for no limit. */
  tunnelIdleMs = 0;

  // --- how it went, filled by the codec -------------------------------------------------------
  /** Decoded request body bytes that were read. */
  requestBodyBytes = 0;
  /** Body bytes that were written to the client, without framing; both directions' sum for tunnels. */
  responseBodyBytes = 0;
  /** The client went away, or the answer was cut short. */
  failed = false;
  /** Why the answer's own body broke off, where that was no fault of the client's; `""` else. */
  failure = "";
  /** When the head was complete: `performance.now()` milliseconds; 0 where it is not needed. */
  startedAt = 0;

  /**
   * Called by the codec when the client vanishes while the answer is being made. Code that waits for
   * something slow (an upstream, a queue) sets it, and clears it when done.
   */
  onAbort: (() => void) | undefined = undefined;
  /** The client has vanished; set before `onAbort` is called. */
  aborted = false;

  /** An exchange on `connection`, before the codec has filled it. */
  constructor(readonly connection: ConnectionFacts) {}
}

/**
 * What a codec calls. `X` is the gateway's own exchange type, so that `http` need not know it.
 * The codec calls `create` when a head is complete, fills it, then `handle`, and `finish` once the
 * last byte is written or the exchange has failed.
 */
export interface Handler<X extends HttpExchange> {
  create(connection: ConnectionFacts): X;
  /**
   * Makes the answer: sets `status` and the rest. Never throws.
   *
   * @returns What must be waited for before the answer is there; `resume` goes on then, or `fail` where it
   * was rejected.
   */
  handle(exchange: X): void | Promise<unknown>;
  /**
   * Goes on when what was to be waited for has come. Returns what `handle` does, and never throws.
   *
   * @param arrived What the promise was resolved with.
   */
  resume(exchange: X, arrived: unknown): void | Promise<unknown>;
  /** Makes an answer of it that what was waited for was rejected for `reason`. Returns what `handle` does. */
  fail(exchange: X, reason: unknown): void | Promise<unknown>;
  /**
   * A head that the codec refuses before routing (broken framing, too large); `create` has been called
   * and as much of the request as could be read is filled in.
   */
  refuse(exchange: X, status: number, reason: string, kind?: RefusalKind): void;
  /** The exchange is over: log it, release what it holds. Called exactly once for each `create`. */
  finish(exchange: X): void;
}

const NO_FIELDS = new Fields();
