/**
 * What the gateway asks of an upstream and what it gets back, whichever protocol carries it.
 *
 * @module
 */
import type { Body } from "./body.ts";
import type { Fields, ReadonlyFields } from "./fields.ts";
import type { InterimOutlet } from "./interim.ts";
import type { Duplex } from "../net/duplex.ts";

/**
 * A request to an upstream. What is made for each request is made by a constructor and not by a literal:
 * where many requests are in flight when the collector first looks, it takes the objects of a literal for
 * long-lived ones and puts all later ones where they are not collected for seconds, with everything they
 * refer to.
 */
export class ClientRequest {
  /**
   * A request as it is sent.
   *
   * @param target Path and query.
   * @param authority `Host` or `:authority`. Not repeated in `fields`.
   * @param fields End-to-end fields only: no hop-by-hop, no `host`, no `content-length`, no
   * `transfer-encoding`.
   * @param upgrade Ask to switch to this protocol (`websocket`), HTTP/1.1 only.
   * @param interim Where interim answers are reported.
   */
  constructor(
    readonly method: string,
    readonly target: string,
    readonly scheme: "http" | "https",
    readonly authority: string,
    readonly fields: ReadonlyFields,
    readonly body: Body | undefined,
    readonly upgrade: string | undefined,
    readonly interim?: InterimOutlet,
  ) {}
}

/** The final answer of an upstream. */
export class ClientResponse {
  /**
   * An answer as it was received.
   *
   * @param fields As received, hop-by-hop fields removed.
   * @param tunnel With status 101: the stream both sides now speak freely on.
   */
  constructor(
    readonly status: number,
    readonly fields: Fields,
    readonly body: Body | undefined,
    readonly tunnel: Duplex | undefined,
  ) {}
}

/** Where in an upstream exchange it went wrong; decides whether a retry is safe. */
export type ClientErrorStage =
  /** Nothing was sent. */
  | "connect"
  /** The connection takes no request any more: nothing was sent, and nothing of the body was read. */
  | "unsent"
  /** The peer says that it has not looked at the request and will not, or nothing of it has left. */
  | "refused"
  /** The connection ended before any byte of the answer. The peer may have acted on the request. */
  | "unanswered"
  /** Anything later. */
  | "response";

/** Why a request failed whose upstream sent nothing for as long as it may. */
export const READ_TIMEOUT = "the upstream took too long to answer (read_timeout_secs)";
/** Why a request failed of which the upstream took nothing for as long as it may. */
export const SEND_TIMEOUT = "the upstream took too long to take the request (send_timeout_secs)";

/** Message of the error for a 101 to a request that did not ask for it. */
export const UNASKED_SWITCH = "it switches protocols without being asked";

/** An upstream that did not answer as it should. */
export class ClientError extends Error {
  /** A failure in `stage`; `message` is for the log. */
  constructor(readonly stage: ClientErrorStage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClientError";
  }
}
