/**
 * Notices that a client has gone while its request is worked on, whatever it has left unread.
 *
 * The runtime reports a peer's end through reads alone, so the connection is read ahead, up to a bound. An
 * end of the client's sending side is not its departure: it may have shut down one direction and wait for
 * the answer. Only sending to it distinguishes the two: the system of a client that has gone answers with
 * a reset, which the next write reports. A client that has ended its side, or of which more is unread than
 * is read ahead, is therefore asked with bytes that mean nothing to a client that is there: before its
 * answer with the first characters of the status line, one at a time, since they are the same whatever the
 * answer will be; within a chunked answer with zeros before the next chunk's size (RFC 9112 section 7.1).
 *
 * An interim answer that was not asked for is not among them as long as the client still sends: clients in wide
 * use take `100` for a fault, and others do so with `102`. One that has ended its side and is still there
 * when the status line's beginning is used up gets one, which is sent piece by piece.
 *
 * @module
 */
import type { HttpExchange } from "../exchange.ts";
import { LARGE_BYTES } from "../../net/buffers.ts";
import { type Clock, TICK_MS } from "../../net/clock.ts";
import type { Inbox } from "../../net/inbox.ts";
import type { RequestBody } from "./request_body.ts";

/** Most bytes read ahead: one large buffer a connection. */
const AHEAD_BYTES = LARGE_BYTES;

/**
 * How long a client is believed to be there without a sign. Two sweeps and another such time may be added
 * to it, and a client that has gone is to be noticed within two seconds.
 */
const BELIEVED_MS = 750;

/** Longest interim answer that is sent piece by piece: what clients in wide use accept as a head. */
const MAX_INTERIM_PIECES = 2048;

/** Most zeros before a chunk's size, of which some clients allow 16 digits; each pair waits longer. */
const MAX_ZEROS = 10;

const encoder = new TextEncoder();
/** Begins every status line. */
const STATUS_BEGIN = encoder.encode("HTTP/1.1 ");
const INTERIM_BEGIN = encoder.encode("100 Continue\r\nx-wait: .");
const INTERIM_PIECE = encoder.encode(".");
const INTERIM_END = encoder.encode("\r\n\r\n");
const ZERO = encoder.encode("0");

/**
 * How a client can be asked: before its answer with the beginning of the status line, and then, once it has
 * ended its sending side, with an `interim` answer; between two chunks of its answer; or not at all.
 */
export type Question = "interim" | "status" | "zero" | "none";

/** The connection of the client. */
export interface WatchHost {
  /** Calls {@linkcode ClientWatch.look}, if the client is still to be watched. */
  lookAgain(): void;
  /** The same at the next sweep. */
  lookAtNextTick(): void;
  /** Sends `bytes` after what is being sent; calls `onVanished` when that fails. */
  writeInterim(bytes: Uint8Array): void;
  /** The client has gone. */
  readonly onVanished: () => void;
}

/** Watches the client of one connection, one request after the other. */
export class ClientWatch {
  readonly #inbox: Inbox;
  readonly #clock: Clock;
  readonly #host: WatchHost;
  /** The client has ended its sending side. */
  #hasEnded = false;
  /** Body bytes both ways at the last look, and since when there were no more; -1 at first. */
  #moved = -1;
  #quietSince = 0;
  /** Characters of the status line that were sent, then pieces of an interim answer; or zeros before a chunk. */
  #asked = 0;
  #askedAt = 0;

  constructor(inbox: Inbox, clock: Clock, host: WatchHost) {
    this.#inbox = inbox;
    this.#clock = clock;
    this.#host = host;
  }

  /** Another request begins. */
  begin(): void {
    this.#moved = -1;
    this.#asked = 0;
  }

  /**
   * Looks whether the client is still there.
   *
   * @param body Of the request, if it has one.
   * @returns When to look again, as a deadline; 0 when a pending read reports it.
   */
  look(exchange: HttpExchange, body: RequestBody | undefined, question: Question): number {
    const { now } = this.#clock;
    const next = now + TICK_MS;
    // The reader of the body notices first.
    if (body?.isReading === true) return next;
    if (!this.#hasEnded) {
      if (this.#inbox.isReading) return 0;
      const reading = this.#inbox.lookAhead(AHEAD_BYTES);
      if (reading !== undefined) {
        reading.then(this.#onAhead, this.#host.onVanished);
        return 0;
      }
    }
    const moved = exchange.requestBodyBytes + exchange.responseBodyBytes;
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#quietSince = now;
      if (question === "zero") this.#asked = 0;
      return next;
    }
    this.#ask(question, now);
    return next;
  }

  /** The end of an interim answer that was begun: nothing else may be sent before it. */
  takeRest(): Uint8Array | undefined {
    if (this.#asked <= STATUS_BEGIN.length) return undefined;
    this.#asked = 0;
    return INTERIM_END;
  }

  /** How many characters of the status line the client has had, which the next one is sent without. */
  takeBegun(): number {
    const count = this.#asked;
    this.#asked = 0;
    return count;
  }

  #ask(question: Question, now: number): void {
    const quietMs = now - this.#quietSince;
    if (quietMs < BELIEVED_MS) return;
    if (question === "none") {
      // One that has not ended its side is left to the limits of what it sends and receives.
      if (this.#hasEnded) this.#host.onVanished();
    } else if (question === "interim" && this.#hasEnded) {
      // The second piece comes soon: it reports what the first has brought about.
      if (this.#asked > 1 && now - this.#askedAt < BELIEVED_MS) return;
      const pieces = this.#asked - STATUS_BEGIN.length;
      if (pieces < 0) this.#tellStatus(now);
      else if (pieces < MAX_INTERIM_PIECES) {
        this.#send(pieces === 0 ? INTERIM_BEGIN : INTERIM_PIECE, now);
      }
    } else {
      const isSecond = this.#asked % 2 === 1;
      if (!isSecond && quietMs < BELIEVED_MS << (this.#asked >> 1)) return;
      if (question === "zero") {
        if (this.#asked < MAX_ZEROS) this.#send(ZERO, now);
      } else if (this.#asked < STATUS_BEGIN.length - 1) this.#tellStatus(now);
      else if (this.#hasEnded) this.#host.onVanished();
    }
  }

  #tellStatus(now: number): void {
    this.#send(STATUS_BEGIN.subarray(this.#asked, this.#asked + 1), now);
  }

  #send(bytes: Uint8Array, now: number): void {
    this.#asked++;
    this.#askedAt = now;
    this.#host.writeInterim(bytes);
  }

  readonly #onAhead = (count: number | null): void => {
    if (count === null) this.#hasEnded = true;
    else if (!this.#inbox.cameAhead(count)) return this.#host.lookAtNextTick();
    this.#host.lookAgain();
  };
}
