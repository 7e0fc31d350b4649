/**
 * One request on its way through the gateway: the protocol's exchange plus what routing and policy
 * learned about it.
 *
 * @module
 */
import type { ClientResponse } from "../../http/client.ts";
import { HttpExchange } from "../../http/exchange.ts";
import { Findings } from "./findings.ts";
import type { RouteScope } from "../scope.ts";
import type { TraceContext } from "../reports/trace_context.ts";

/** Why a request was not served. A value, not an exception: a client can cause it at will. */
export interface Refusal {
  /** Final status of the answer. */
  readonly status: number;
  /** Text of a `text/plain` body, or `""` for a bare refusal with no body (spec 02 section 3.4). */
  readonly text: string;
  /** Short machine-readable cause for logs and `fluxheim explain`: `access`, `rate_limit`, ... */
  readonly cause: string;
  /** Extra answer fields, such as `allow` or `retry-after`. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  /** The origin failed: steps of the phase `failure` may answer otherwise. */
  readonly isFailure?: boolean;
  /** Ends an HTTP/1 connection after the answer. */
  readonly close?: boolean;
}

/**
 * A step sees the exchange once. It returns nothing when it decided at once, a promise only when it must
 * wait. It answers by setting `exchange.status` (usually through `refuse`); later steps are then skipped.
 */
export type Step = (exchange: Exchange) => void | Promise<void>;

/**
 * A step of a plan. What it waits for may be an upstream's answer, which is put into the exchange when it
 * arrives.
 */
export type PlanStep = (exchange: Exchange) => void | Promise<void | ClientResponse>;

/** Looks at an exchange that is over. */
export type Finished = (exchange: Exchange) => void;

/** {@linkcode Steps.recodes}. */
export type Recodes = (exchange: Exchange, mediaType: string, length: number) => boolean;

/** What a route asks of a request for content that has a name under it. */
export interface NamePolicy {
  /** To be run before the content is sent; each may refuse. */
  readonly steps: readonly Step[];
  /** Whether the route decides who may have the content, by rules or by an auth service. */
  readonly isGuarded: boolean;
  /** The steps on a refusal. */
  readonly refusal: readonly Step[];
  /** The steps on an answer with the content. */
  readonly response: readonly Step[];
  /** Of these. */
  readonly recodes: Recodes | undefined;
}

/** The policies of one vhost's routes, by the names of content. */
export interface NamePolicies {
  /**
   * The policy that holds for content at `path` beside the policies of the request's plan, or `undefined`
   * when there is none.
   *
   * @param path Percent-encoded, and safe.
   */
  of(exchange: Exchange, path: string): NamePolicy | undefined;
}

/** One request's way. */
export interface Plan {
  /** Run in order until one answers. */
  readonly steps: readonly PlanStep[];
  /** Run when the gateway answers for an upstream that failed. */
  readonly failure: readonly Step[];
  /** Run when the gateway refused and none of `failure` has answered: pages in place of the text. */
  readonly page: readonly Step[];
  /** Run on the fields of a refusal that no page has taken the place of. */
  readonly refusal: readonly Step[];
  /** Run on the answer's head, unless the gateway refused. */
  readonly response: readonly Step[];
  /** {@linkcode Steps.recodes} of the steps on the answer. */
  readonly recodes: Recodes | undefined;
  /** The scopes whose policies hold: 0 for the vhost's own, else one more than the index of the route. */
  readonly scopes: readonly number[];
  /** Policies of other names that content may have; `undefined` where no route could guard one. */
  readonly names: NamePolicies | undefined;
}

/** The compiled configuration that an exchange began on, and counts as one of its own. */
export interface BegunOn {
  /** Exchanges that began on it and are not over. */
  inFlight: number;
  /** Run in their order when an exchange is over. */
  readonly finished: readonly Finished[];
  /** Ends what it runs; called when the last exchange on it is over and another one serves. */
  stop(): Promise<void>;
}

/** Something an exchange holds that must be given back when it is over, in any case. */
export interface Held {
  /** Called exactly once, after the last byte or on failure. */
  release(exchange: Exchange): void;
}

/** One request and its answer, with the gateway's own findings. */
export class Exchange extends HttpExchange {
  /** The vhost and route that serve this request; `undefined` before routing or when refused by it. */
  scope: RouteScope | undefined = undefined;
  /** The compiled configuration this request began on. */
  snapshot: BegunOn | undefined = undefined;
  /** Its way through the gateway; `undefined` where routing refused it. */
  plan: Plan | undefined = undefined;
  /** Of the answer's own path, where that is under another route; `undefined` for most. */
  namePolicy: NamePolicy | undefined = undefined;
  /** Which steps of the plan are run now. */
  stage: "ask" | "failure" | "response" = "ask";
  /** The next one of these. */
  step = 0;
  /** Effective client address through trusted proxies (spec 01 section 2.2); `""` if unknown. */
  clientAddress = "";
  /** Path to serve or forward: `path`, or what the route's rewrite made of it. */
  servedPath = "";
  /** Regex captures of a `path_regex` route: index and name to text. */
  captures: Captures | undefined = undefined;
  /** `""` until assigned (spec 06 D4). */
  requestId = "";
  /** Its place in a trace; `undefined` where the gateway takes part in none. */
  trace: TraceContext | undefined = undefined;
  /** Set when the gateway refused; its cause and text. */
  refusal: Refusal | undefined = undefined;
  /** An error page is in the refusal's place: header policy is applied to it as to all content. */
  hasErrorPage = false;

  /** What was found out on the way. */
  readonly findings = new Findings();
  /** What modules remember; read and written by {@linkcode Slot} alone. */
  slots: unknown[] | undefined = undefined;

  #held: Held[] | undefined = undefined;

  /** An exchange is a {@linkcode Call}: the one whose answer it is. */
  get exchange(): this {
    return this;
  }

  /** Registers something to release when the exchange is over. */
  hold(held: Held): void {
    if (this.#held === undefined) this.#held = [held];
    else this.#held.push(held);
  }

  /** Releases one thing held before the exchange is over; nothing happens when it is not held. */
  releaseNow(held: Held): void {
    const at = this.#held?.lastIndexOf(held) ?? -1;
    if (at < 0) return;
    this.#held?.splice(at, 1);
    held.release(this);
  }

  /** Releases everything held, last first. Called by the pipeline's `finish`. */
  releaseAll(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    for (let i = held.length - 1; i >= 0; i--) held[i].release(this);
  }
}

/** What a `path_regex` matched; each text is at most 256 bytes, a longer one is `""`. */
export interface Captures {
  /** By the number of the group; 0 is the whole match. */
  readonly byIndex: readonly string[];
  /** By the name of the group. */
  readonly byName: ReadonlyMap<string, string>;
}
