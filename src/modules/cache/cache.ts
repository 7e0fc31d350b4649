/**
 * The cache of one scope: what it decides about a request before the upstream is asked, and the answer of a
 * fresh object, for which no request to the upstream is made.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Counter } from "../../gateway/reports/metrics.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import { refuse } from "../../gateway/exchange/refusal.ts";
import type { Queue } from "../../zones/queue.ts";
import { addVia, AUTHORIZED, type RequestPolicy } from "../headers/edge.ts";
import { cacheStatus } from "./answer/cache_status.ts";
import { DECIDED, type Decided, type Lookup } from "./lookup/decision.ts";
import type { DiskTier } from "./disk/disk_tier.ts";
import {
  type CacheStatus,
  deliver,
  type Delivered,
  showStatus,
  type StatusHeaders,
} from "./answer/delivery.ts";
import { identityOf } from "./key/key.ts";
import type { Peers } from "./fill/peers.ts";
import type { Policy } from "./policy/policy.ts";
import { extensionOf } from "./policy/paths.ts";
import { type RequestRules, type Wishes, wishesOf } from "./policy/request_rules.ts";
import { type Held, UNVARIED } from "./store/index.ts";
import type { MemoryStore } from "./store/memory.ts";
import type { DecodedMeta } from "./store/meta.ts";
import { CREATED, EXPIRES, READY } from "./store/slot_words.ts";
import { lookupBegins, lookupEnds } from "./times.ts";
import type { Uses } from "./lookup/uses.ts";

/** Events of a cache, as metrics have them (spec 06 B3). */
export const EVENTS = [
  "hit",
  "miss",
  "store",
  "store_refusal",
  "pass",
  "bypass",
  "stale",
  "revalidate",
  "origin_protected",
  "peer_fill_hit",
  "peer_fill_miss",
  "peer_fill_error",
  "peer_fill_fallback",
  "peer_fill_fail_closed",
] as const;
/** One of these. */
export type CacheEvent = typeof EVENTS[number];

/** Writes of downstream limits into an exchange that no upstream is asked for. */
export type SetLimits = (exchange: Exchange) => void;

/** What a cache works with. */
export interface CacheParts {
  readonly policy: Policy;
  readonly rules: RequestRules;
  readonly store: MemoryStore;
  /** `undefined` where there is none. */
  readonly disk: DiskTier | undefined;
  readonly uses: Uses;
  readonly userTag: string;
  /** The header policy of requests in this scope. */
  readonly requests: RequestPolicy;
  readonly headers: StatusHeaders;
  readonly events: Readonly<Record<CacheEvent, Counter>>;
  /** Permits for fills; `undefined` where there is no bound. */
  readonly permits: Queue | undefined;
  readonly refreshes: Queue;
  /** `undefined` where there are none. */
  readonly peers: Peers | undefined;
  readonly log: Logger;
  readonly setLimits: SetLimits;
  /** Fields that this gateway makes for each request. */
  readonly perRequest: ReadonlySet<string>;
  /** Names that always tell objects apart. */
  readonly alwaysVary: readonly string[];
}

/** Methods that change nothing (RFC 9110 section 9.2.1); answers to all others may make objects wrong. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Latest clock of another machine, or of this one before it was set back, that is believed. */
const CLOCK_SLACK_MS = 1000;

/** The request side of a cache. */
export class Cache {
  constructor(readonly parts: CacheParts) {}

  /** The step before the upstream is asked. */
  lookup(exchange: Exchange): void {
    this.#look(exchange, true);
  }

  /** The same for content of the scope's own, which is asked in any case and answers by its origin. */
  decide(exchange: Exchange): void {
    this.#look(exchange, false);
  }

  #look(exchange: Exchange, mayAnswer: boolean): void {
    const { rules } = this.parts;
    const { method } = exchange;
    const wishes = wishesOf(exchange.request);
    const reason = rules.bypass(exchange) ??
      (isPersonal(exchange) ? "request-identity" : undefined);
    if (!SAFE.has(method)) return this.#noteUnsafe(exchange, wishes, mayAnswer);
    if (reason === "method-head" && this.parts.policy.isStandard === true) {
      return this.#lookUpHead(exchange, wishes, mayAnswer);
    }
    if (reason !== undefined) return this.#bypass(exchange, reason, wishes, mayAnswer);
    if (method !== "GET" || !this.parts.policy.methods.has(method) || hasBody(exchange)) {
      return this.#ineligible(exchange, wishes, mayAnswer);
    }
    const isStandard = this.parts.policy.isStandard === true;
    const extension = isStandard ? "" : extensionOf(exchange.path);
    if (!isStandard && !this.parts.policy.extensions.has(extension)) {
      return this.#ineligible(exchange, wishes, mayAnswer);
    }
    this.#lookUp(exchange, extension, wishes, mayAnswer);
  }

  /** For `fluxheim explain`. */
  explain(exchange: Exchange): string {
    const { rules, policy } = this.parts;
    const reason = rules.bypass(exchange);
    if (reason !== undefined) return `passed by: ${reason}`;
    if (exchange.method !== "GET" || !policy.methods.has(exchange.method)) {
      return `not cached: method ${exchange.method}`;
    }
    const extension = extensionOf(exchange.path);
    if (policy.isStandard !== true && !policy.extensions.has(extension)) {
      return extension === ""
        ? "not cached: the path has no extension"
        : `not cached: extension ${extension} is not in the list`;
    }
    return `may be cached, key ${policy.keys.primary(identityOf(exchange))}`;
  }

  /** Whether an object, which is held, is fresh. */
  isFresh(held: Held, nowMs: number): boolean {
    const { index } = this.parts.store;
    return nowMs < index.float(held.slot, EXPIRES) &&
      index.float(held.slot, CREATED) <= nowMs + CLOCK_SLACK_MS;
  }

  /** The answer with an object. */
  delivered(
    exchange: Exchange | undefined,
    held: Held,
    object: DecodedMeta,
    status: CacheStatus,
    reason = "",
  ): Delivered {
    const { store, headers } = this.parts;
    const answer = deliver(store, held, object, exchange);
    showStatus(answer.fields, headers, status, reason);
    if (exchange !== undefined) {
      exchange.findings.cachePhase = PHASES[status];
      lookupEnds(exchange);
    }
    return answer;
  }

  /** Whether `object` is what `lookup` is for: its key's bytes are compared, not only their hash. */
  isFor({ meta }: DecodedMeta, { loose, part, identity }: Lookup): boolean {
    return meta.loose === loose && meta.part === part && meta.port === identity.port &&
      meta.scheme === identity.scheme;
  }

  #lookUp(exchange: Exchange, extension: string, wishes: Wishes, mayAnswer: boolean): void {
    lookupBegins(exchange);
    const { policy, store, uses, events } = this.parts;
    const { config } = policy;
    const identity = identityOf(exchange);
    const loose = policy.keys.loose(identity);
    const key = store.index.hash(loose, identity.scheme, identity.port);
    const isPredicting = config.predictor.enabled;
    if (
      (config.pass_uncacheable_after > 0 || isPredicting) &&
      uses.passes(key, config.pass_uncacheable_after, isPredicting)
    ) {
      events.pass.count();
      return this.#bypass(exchange, "cache-pass", wishes, mayAnswer);
    }
    const lookup: Lookup = {
      kind: "lookup",
      identity,
      loose,
      key,
      part: "",
      extension,
      refresh: wishes.refresh && config.allow_client_cache_refresh,
      onlyIfCached: wishes.onlyIfCached,
    };
    const mayServe = mayAnswer && !lookup.refresh && this.parts.alwaysVary.length === 0;
    if (mayServe && this.#serve(exchange, lookup)) {
      return;
    }
    this.#decide(exchange, lookup);
  }

  /** Answers with a fresh object that does not vary; what varies depends on what the upstream would be sent. */
  #serve(exchange: Exchange, lookup: Lookup): boolean {
    const { store, events } = this.parts;
    const held = store.index.find(lookup.key, UNVARIED);
    if (held === undefined) return false;
    const object = store.meta(held.slot);
    const isUsable = object !== undefined && object.meta.vary.length === 0 &&
      store.index.phase(held.slot) === READY && this.isFor(object, lookup) &&
      this.isFresh(held, Date.now());
    if (!isUsable) {
      store.index.release(held);
      return false;
    }
    store.index.touch(held.slot);
    store.index.count("hits");
    events.hit.count();
    this.parts.setLimits(exchange);
    const answer = this.delivered(exchange, held, object, "HIT");
    // What an upstream was asked for has it from the header policy.
    addVia(answer.fields);
    exchange.status = answer.status;
    exchange.response = answer.fields;
    exchange.responseBody = answer.body;
    return true;
  }

  /** HEAD is answered with what is stored for GET, or brings news of it (RFC 9111 section 4.3.5). */
  #lookUpHead(exchange: Exchange, wishes: Wishes, mayAnswer: boolean): void {
    const { policy, store } = this.parts;
    const identity = { ...identityOf(exchange), method: "GET" };
    const { scheme, port } = identity;
    const loose = policy.keys.loose(identity);
    const key = store.index.hash(loose, scheme, port);
    const lookup: Lookup = {
      kind: "lookup",
      identity,
      loose,
      key,
      part: "",
      extension: "",
      refresh: wishes.refresh && policy.config.allow_client_cache_refresh,
      onlyIfCached: wishes.onlyIfCached,
    };
    const mayServe = mayAnswer && !lookup.refresh && this.parts.alwaysVary.length === 0;
    if (mayServe && this.#serve(exchange, lookup)) return;
    this.#decide(exchange, { kind: "head", lookup });
  }

  /** Such a request is not cached, but what it changes may be. */
  #noteUnsafe(exchange: Exchange, wishes: Wishes, mayAnswer: boolean): void {
    if (this.#refuseUncached(exchange, "method-ineligible", wishes, mayAnswer)) return;
    const { policy, store } = this.parts;
    const identity = { ...identityOf(exchange), method: "GET" };
    const { scheme, port } = identity;
    const loose = policy.keys.loose(identity);
    this.#decide(exchange, { kind: "unsafe", loose, key: store.index.hash(loose, scheme, port) });
  }

  #bypass(exchange: Exchange, reason: string, wishes: Wishes, mayAnswer: boolean): void {
    if (this.#refuseUncached(exchange, reason, wishes, mayAnswer)) return;
    this.parts.events.bypass.count();
    exchange.findings.cachePhase = "bypass";
    this.#decide(exchange, { kind: "bypass", reason });
  }

  #ineligible(exchange: Exchange, wishes: Wishes, mayAnswer: boolean): void {
    this.#refuseUncached(exchange, "method-ineligible", wishes, mayAnswer);
  }

  #decide(exchange: Exchange, what: Decided["what"]): void {
    DECIDED.set(exchange, { by: this, what });
  }

  /** Answers `only-if-cached` where nothing is stored (spec 04 section 3.6). */
  #refuseUncached(
    exchange: Exchange,
    reason: string,
    { onlyIfCached }: Wishes,
    mayAnswer: boolean,
  ): boolean {
    if (!onlyIfCached || exchange.method !== "GET") return false;
    if (!mayAnswer) {
      this.#decide(exchange, { kind: "uncached", reason });
      return true;
    }
    const status = "BYPASS";
    const { headers } = this.parts;
    const fields: [string, string][] = [];
    if (headers.standard) fields.push(["cache-status", cacheStatus(status, reason)]);
    if (headers.status !== undefined) fields.push([headers.status, status]);
    if (headers.reason !== undefined) fields.push([headers.reason, reason]);
    refuse(exchange, { status: 504, text: "cache miss", cause: "cache", fields });
    return true;
  }
}

/** What the gateway knows about the client goes to the upstream: the answer is not for everybody. */
function isPersonal(exchange: Exchange): boolean {
  const authorized = AUTHORIZED.of(exchange);
  return authorized !== undefined && authorized.fields.length > 0;
}

function hasBody({ requestBody }: Exchange): boolean {
  return requestBody !== undefined && requestBody.length !== 0;
}

const PHASES: Readonly<Record<CacheStatus, string>> = {
  "HIT": "hit",
  "MISS": "miss",
  "EXPIRED": "expired",
  "REVALIDATED": "revalidated",
  "REVALIDATED-NOCACHE": "revalidated-nocache",
  "REVALIDATE": "revalidated",
  "STALE": "stale",
  "STALE-UPDATING": "stale-updating",
  "BYPASS": "bypass",
  "PEER-HIT": "other",
};

/** Words of the access record for a status (spec 04 section 16). */
export const PHASE_OF = PHASES;
