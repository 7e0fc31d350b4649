/**
 * One request on its way through the gateway: the protocol's exchange plus what routing and policy
 * learned about it.
 *
 * @module
 */
import { HttpExchange } from "../http/exchange.ts";
import type { Refusal } from "./refusal.ts";
import type { NamePolicy } from "./route/name_policy.ts";
import type { RouteScope } from "./module.ts";
import type { Plan } from "./plan.ts";
import type { Snapshot } from "./snapshot.ts";

/** Something an exchange holds that must be given back when it is over, come what may. */
export interface Held {
  /** Called exactly once, after the last byte or on failure. */
  release(exchange: Exchange): void;
}

/** One request and its answer, with the gateway's own findings. */
export class Exchange extends HttpExchange {
  /** The vhost and route that serve this request; `undefined` before routing or when refused by it. */
  scope: RouteScope | undefined = undefined;
  /** The compiled configuration this request began on. */
  snapshot: Snapshot | undefined = undefined;
  /** Its way through the gateway; `undefined` where routing refused it. */
  plan: Plan | undefined = undefined;
  /** Of the answer's own path, where that is under another route; `undefined` for most. */
  namePolicy: NamePolicy | undefined = undefined;
  /** The next step of the plan: of those that look for an answer, then of those on the answer. */
  step = 0;
  /** Something has answered, be it the gateway itself. */
  isAnswered = false;
  /** Effective client address through trusted proxies (spec 01 section 2.2); `""` if unknown. */
  clientAddress = "";
  /** Path to serve or forward: `path`, or what the route's rewrite made of it. */
  servedPath = "";
  /** Regex captures of a `path_regex` route: index and name to text. */
  captures: Captures | undefined = undefined;
  /** `""` until assigned (spec 06 D4). */
  requestId = "";
  /** Set when the gateway refused; its cause and text. */
  refusal: Refusal | undefined = undefined;
  /** An error page stands in the refusal's place: header policy is applied to it as to all content. */
  hasErrorPage = false;

  // --- findings of modules that the access log or header templates show -----------------------
  upstream = "";
  upstreamAlias = "";
  upstreamRetries = 0;
  cachePhase = "";
  compressionEncoding = "";
  geoCountry = "";
  geoAsn: number | null = null;
  /**
   * Fields an auth service allowed onto the upstream request, and names to be removed from the
   * client's own request before that (spec 02 section 9.8).
   */
  authFields: readonly (readonly [name: string, value: string])[] | undefined = undefined;
  authRemoves: ReadonlySet<string> | undefined = undefined;
  /** The last question that an auth service said yes to; two scopes with the same one ask it once. */
  authAllowed = "";

  /** What a 304 is about, where that is known: its fields do not say. */
  unsent: { readonly mediaType: string; readonly length: number } | undefined = undefined;

  #held: Held[] | undefined = undefined;

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
  readonly byIndex: readonly string[];
  readonly byName: ReadonlyMap<string, string>;
}
