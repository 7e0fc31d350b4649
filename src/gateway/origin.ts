/**
 * Where an answer comes from, as a value: one upstream, a pool of them, a cache around either. Everything
 * that asks for an answer asks an origin in the same way, so each can be put around or instead of another one.
 *
 * @module
 */
import { ClientError, type ClientRequest, type ClientResponse } from "../http/client.ts";
import type { Exchange, Refusal } from "./exchange/exchange.ts";

/** Answers requests. */
export interface Origin {
  /**
   * Asks for the answer to `request`. The answer's body is the caller's, to be read to its end or cancelled. An
   * origin that fails may have read a part of the request's body; the rest is the caller's to cancel.
   *
   * @param call Gives the request up when it goes away; its `onAbort` is free again when the promise settles.
   * @throws {ClientError} no answer came; its stage says whether the origin may have acted on the request.
   * @throws {BodyError} the request's own body is at fault.
   */
  fetch(request: ClientRequest, call: Call): Promise<ClientResponse>;
}

/**
 * Work that waits for an answer and may go away meanwhile: an exchange, which is a call itself, or work of the
 * gateway's own (an auth request, a mirror, a refresh in the background, a probe).
 */
export interface Call {
  /** The call has gone away: no answer is of use to it. Set before `onAbort` is called. */
  readonly aborted: boolean;
  /** Set by code that makes the call wait; called when the call goes away. */
  onAbort: (() => void) | undefined;
  /** The exchange whose answer this is to be; `undefined` for work of the gateway's own. */
  readonly exchange?: Exchange | undefined;
}

/** Puts something around an origin: a cache, a retry, a fallback. Called when a plan is compiled, once a scope. */
export type Around = (inner: Origin) => Origin;

/** `origin` inside of all of `arounds`, of which the first is the outermost. */
export function wrapped(origin: Origin, arounds: readonly Around[]): Origin {
  return arounds.reduceRight((inner, around) => around(inner), origin);
}

/** No answer came because there was no upstream to ask; carries what a client is to be answered. */
export class Unavailable extends ClientError {
  /** Nothing was sent anywhere; `refusal` is the answer unless something else is put in its place. */
  constructor(message: string, readonly refusal: Refusal) {
    super("connect", message);
    this.name = "Unavailable";
  }
}
