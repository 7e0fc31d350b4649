/**
 * What the gateway asks of an upstream and what it gets back, whichever protocol carries it.
 *
 * @module
 */
import type { Body } from "./body.ts";
import type { Fields } from "./fields.ts";
import type { Duplex } from "../net/duplex.ts";

/** A request to an upstream. */
export interface ClientRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly scheme: "http" | "https";
  /** `Host` or `:authority`. Not repeated in `fields`. */
  readonly authority: string;
  /** End-to-end fields only: no hop-by-hop, no `host`, no `content-length`, no `transfer-encoding`. */
  readonly fields: Fields;
  readonly body: Body | undefined;
  /** Ask to switch to this protocol (`websocket`), HTTP/1.1 only. */
  readonly upgrade: string | undefined;
}

/** The final answer of an upstream; interim answers have gone to `onInterim`. */
export interface ClientResponse {
  readonly status: number;
  /** As received, hop-by-hop fields removed. */
  readonly fields: Fields;
  readonly body: Body | undefined;
  /** With status 101: the stream both sides now speak freely on. */
  readonly tunnel: Duplex | undefined;
}

/** Where in an upstream exchange it went wrong; decides whether a retry is safe (spec 02 section 9.5). */
export type ClientErrorStage =
  /** Nothing was sent. */
  | "connect"
  /** A reused connection ended before any byte of the answer, or the peer says it did not process it. */
  | "unprocessed"
  /** Anything later. */
  | "response";

/** Message of the error for a 101 to a request that did not ask for it. */
export const UNASKED_SWITCH = "it switches protocols although nobody asked";

/** An upstream that did not answer as it should. */
export class ClientError extends Error {
  constructor(readonly stage: ClientErrorStage, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClientError";
  }
}
