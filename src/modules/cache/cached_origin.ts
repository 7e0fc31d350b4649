/**
 * The cache around an origin (spec 04 section 6): serves what is stored, waits for what another request is
 * fetching, or fetches it, stores it, and serves it as it comes.
 *
 * @module
 */
import { ClientRequest, ClientResponse } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import { bytesOf, respond, textFields } from "./answer/answers.ts";
import { type Cache, PHASE_OF } from "./cache.ts";
import { DECIDED, type Lookup, type Unsafe } from "./lookup/decision.ts";
import { showStatus } from "./answer/delivery.ts";
import { Fetcher } from "./fill/fetcher.ts";
import { confirmByHead } from "./fill/renewal.ts";
import { overBudget } from "./answer/stale_answer.ts";
import type { Asked, Found, Task } from "./lookup/task.ts";
import { fillRequest } from "./fill/fill_request.ts";
import { rangeLookup, rangeRequest, singleRange, trimRanges } from "./parts/single_range.ts";
import { SliceFetch } from "./parts/slice_fetch.ts";
import { Slices } from "./parts/slices.ts";
import { PEER_MARK } from "./fill/peers.ts";
import type { Held } from "./store/index.ts";
import { FILLING, PENDING, WHILE_REVALIDATE } from "./store/slot_words.ts";
import { findObject, hit } from "./lookup/find_object.ts";
import { Refreshes } from "./fill/refreshes.ts";
import { timedWait } from "./times.ts";
import { waitForFill } from "./fill/waiter.ts";

/** Rounds of finding, waiting and claiming before a request goes on by itself. */
const MAX_ROUNDS = 16;

/** The origin of a scope with a cache around it. */
export class CachedOrigin implements Origin {
  readonly #cache: Cache;
  readonly #inner: Origin;
  readonly #fetcher: Fetcher;
  readonly #slices: Slices | undefined;
  readonly #refreshes: Refreshes;

  /** @param isContent `inner` answers exchanges alone. */
  constructor(cache: Cache, inner: Origin, readonly isContent = false) {
    this.#cache = cache;
    this.#inner = inner;
    this.#fetcher = new Fetcher(cache, inner, isContent);
    this.#refreshes = new Refreshes(cache, this.#fetcher);
    const { slice, enabled } = cache.parts.policy.config.range;
    if (enabled && slice.enabled && !isContent) {
      this.#slices = new Slices(new SliceFetch(cache, inner, slice.size_bytes));
    }
  }

  fetch(request: ClientRequest, call: Call): Promise<ClientResponse> {
    const { exchange } = call;
    const decided = exchange && DECIDED.of(exchange);
    if (exchange === undefined || decided === undefined || decided.by !== this.#cache) {
      return this.#inner.fetch(unmarked(request), call);
    }
    const { what } = decided;
    switch (what.kind) {
      case "bypass":
        return this.#pass(unmarked(request), call, what.reason);
      case "unsafe":
        return this.#change(unmarked(request), call, what);
      case "uncached":
        return Promise.resolve(this.#uncached(call, what.reason));
      case "head":
        return this.#head(unmarked(request), call, what.lookup);
      case "lookup": {
        const { requests } = this.#cache.parts;
        const asked = fillRequest(request, what.identity, requests, exchange.authority);
        const task = { lookup: what, request: asked, exchange, call };
        const isPart = !this.isContent && this.#cache.parts.policy.config.range.enabled &&
          exchange.request.has("range");
        return isPart ? this.#part(task, request) : this.#answer(task, request);
      }
    }
  }

  /** Gives up what no client waits for. */
  stop(): void {
    this.#refreshes.stop();
    this.#slices?.fetching.stop();
  }

  /** A range of something: of the whole if that is stored or coming, else of slices, or as it is asked for. */
  async #part(asked: Asked, plain: ClientRequest): Promise<ClientResponse> {
    const { lookup, exchange } = asked;
    const { store, policy } = this.#cache.parts;
    const whole = store.index.find(lookup.key, undefined);
    if (whole !== undefined) store.index.release(whole);
    const isWhole = whole !== undefined || lookup.refresh || lookup.onlyIfCached;
    if (isWhole || exchange === undefined) return this.#answer(asked, plain);
    if (this.#slices !== undefined) {
      const answer = await this.#slices.answer(asked);
      if (answer === "over-budget") return overBudget(this.#cache, asked);
      return answer ?? this.#answer(asked, plain);
    }
    const range = singleRange(exchange.request, policy.config.range.max_bytes);
    if (range === undefined) return this.#answer(asked, plain);
    const ranged = rangeLookup(lookup, range, store.index);
    trimRanges(ranged, store.index);
    return this.#answer(
      { ...asked, lookup: ranged, request: rangeRequest(asked.request, range) },
      plain,
    );
  }

  async #pass(request: ClientRequest, call: Call, reason: string): Promise<ClientResponse> {
    const response = await this.#inner.fetch(request, call);
    showStatus(response.fields, this.#cache.parts.headers, "BYPASS", reason);
    return response;
  }

  /** A success of an unsafe method makes what is stored of its target wrong (RFC 9111 section 4.4). */
  async #change(
    request: ClientRequest,
    call: Call,
    { key, loose }: Unsafe,
  ): Promise<ClientResponse> {
    const response = await this.#inner.fetch(request, call);
    if (response.status >= 200 && response.status < 400) {
      this.#invalidate(key);
      const { disk } = this.#cache.parts;
      if (disk !== undefined) {
        await disk.invalidate(loose);
        // What was being copied from the disk meanwhile.
        this.#invalidate(key);
      }
    }
    return response;
  }

  /** What an answer to HEAD says of the object that is stored. */
  async #head(request: ClientRequest, call: Call, lookup: Lookup): Promise<ClientResponse> {
    const sentAt = performance.now();
    const response = await this.#inner.fetch(request, call);
    const { store, policy, requests } = this.#cache.parts;
    if (response.status === 200 && call.exchange !== undefined) {
      const { authority } = call.exchange;
      const asked: Asked = {
        lookup,
        request: fillRequest(request, lookup.identity, requests, authority),
        exchange: undefined,
        call,
      };
      const { found, variance } = findObject(this.#cache, asked);
      if (found !== undefined) {
        const ageMs = policy.config.lock.age_timeout_secs * 1000;
        const claim = store.index.claim(lookup.key, variance, ageMs, Date.now());
        if (claim?.isOwn === false) store.index.release(claim.held);
        const task: Task = {
          ...asked,
          claim: claim?.isOwn === true ? claim.held : undefined,
          stale: found,
          status: "REVALIDATED",
          reason: "",
        };
        confirmByHead(this.#cache, task, found, response, (performance.now() - sentAt) / 1000);
      }
    }
    showStatus(response.fields, this.#cache.parts.headers, "MISS", "method-head");
    return response;
  }

  #invalidate(key: Lookup["key"]): void {
    const { index } = this.#cache.parts.store;
    index.notePurge();
    for (const slot of [...index.slotsOf(key)]) {
      const held = index.hold(slot);
      if (held === undefined) continue;
      const phase = index.phase(slot);
      if (phase === PENDING || phase === FILLING) index.doom(slot, held.generation);
      if (phase !== PENDING) index.remove(slot, held.generation);
      index.release(held);
    }
  }

  async #answer(asked: Asked, plain: ClientRequest): Promise<ClientResponse> {
    const { lookup } = asked;
    const { store, policy, events, disk } = this.#cache.parts;
    const { lock } = policy.config;
    let mayLoad = disk !== undefined && !lookup.refresh;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const { found, variance } = findObject(this.#cache, asked);
      const now = Date.now();
      if (found !== undefined) {
        const served = this.#served(asked, found, now);
        if (served !== undefined) return served;
      }
      mayLoad = mayLoad && found === undefined;
      if (lookup.onlyIfCached && !mayLoad) return this.#notCached(asked, found);
      if (found === undefined) {
        if (round === 0) {
          store.index.count("misses");
          events.miss.count();
        }
        if (!mayLoad && this.#isUnwiseRange(asked)) {
          return this.#pass(unmarked(plain), asked.call, "range-miss");
        }
      }
      const task = this.#taskOf(asked, found);
      const ageMs = lock.age_timeout_secs * 1000;
      const claim = store.index.claim(lookup.key, variance, ageMs, now, !lock.enabled);
      if (claim === undefined) {
        return lookup.onlyIfCached
          ? this.#notCached(asked, found)
          : this.#fetcher.run({ ...task, claim: undefined });
      }
      if (claim.isOwn) {
        // What was stored between the look and the claim must not be fetched again.
        const late = lock.enabled && !lookup.refresh
          ? findObject(this.#cache, asked).found
          : undefined;
        if (late !== undefined && this.#cache.isFresh(late.held, now)) {
          if (found !== undefined) store.index.release(found.held);
          store.index.remove(claim.held.slot, claim.held.generation);
          store.index.release(claim.held);
          return respond(hit(this.#cache, asked, late));
        }
        if (late !== undefined) store.index.release(late.held);
        if (mayLoad && disk !== undefined) {
          mayLoad = false;
          // Whether it was there or not, a new look decides.
          if (!await disk.load(claim.held, lookup, asked.request)) this.#giveUp(claim.held);
          continue;
        }
        return this.#fetcher.run({ ...task, claim: claim.held });
      }
      if (lookup.onlyIfCached) {
        store.index.release(claim.held);
        return this.#notCached(asked, found);
      }
      if (found?.object.meta.lifetimeSecs === 0) {
        store.index.release(claim.held);
        return this.#fetcher.run({ ...task, claim: undefined });
      }
      const outcome = await timedWait(
        asked.exchange,
        () => waitForFill(this.#cache, asked, claim.held),
      );
      if (outcome instanceof ClientResponse) {
        if (found !== undefined) store.index.release(found.held);
        return outcome;
      }
      if (outcome === "alone") return this.#fetcher.run({ ...task, claim: undefined });
      if (found !== undefined) store.index.release(found.held);
    }
    if (lookup.onlyIfCached) return this.#notCached(asked, undefined);
    return this.#fetcher.run({ ...this.#taskOf(asked, undefined), claim: undefined });
  }

  #giveUp(claim: Held): void {
    const { index } = this.#cache.parts.store;
    index.remove(claim.slot, claim.generation);
    index.release(claim);
  }

  #taskOf(asked: Asked, found: Found | undefined): Omit<Task, "claim"> {
    const { refresh } = asked.lookup;
    const isRefresh = refresh && found !== undefined;
    return {
      ...asked,
      stale: found,
      status: found === undefined ? "MISS" : isRefresh ? "REVALIDATE" : "EXPIRED",
      reason: isRefresh ? "request-refresh" : "",
    };
  }

  /** The answer with what was found, where that may be used without asking. */
  #served(asked: Asked, found: Found, now: number): ClientResponse | undefined {
    const { lookup } = asked;
    const { store, events } = this.#cache.parts;
    if (this.#cache.isFresh(found.held, now)) {
      return lookup.refresh ? undefined : respond(hit(this.#cache, asked, found));
    }
    if (lookup.refresh || lookup.onlyIfCached || this.isContent) return undefined;
    if (now >= store.index.float(found.held.slot, WHILE_REVALIDATE)) return undefined;
    this.#refreshes.begin(asked, found);
    events.stale.count();
    return respond(
      this.#cache.delivered(asked.exchange, found.held, found.object, "STALE-UPDATING"),
    );
  }

  #uncached({ exchange }: Call, reason: string): ClientResponse {
    const fields = textFields("cache miss");
    showStatus(fields, this.#cache.parts.headers, "BYPASS", reason);
    if (exchange !== undefined) exchange.findings.cachePhase = PHASE_OF.BYPASS;
    return new ClientResponse(504, fields, bytesOf("cache miss"), undefined);
  }

  /** `only-if-cached` where nothing can be served (spec 04 section 3.6). */
  #notCached({ exchange }: Asked, found: Found | undefined): ClientResponse {
    const { store, headers } = this.#cache.parts;
    if (found !== undefined) store.index.release(found.held);
    const fields = textFields("cache miss");
    const [status, reason] = found === undefined
      ? ["MISS", "only-if-cached-miss"] as const
      : ["STALE", "only-if-cached-stale"] as const;
    showStatus(fields, headers, status, reason);
    if (exchange !== undefined) exchange.findings.cachePhase = PHASE_OF[status];
    return new ClientResponse(504, fields, bytesOf("cache miss"), undefined);
  }

  /**
   * Whether a range is not worth fetching the whole for: it begins past what could be stored, or no client has
   * asked for this key before (pitfalls A17).
   */
  #isUnwiseRange({ exchange, lookup }: Asked): boolean {
    const range = exchange?.request.joined("range");
    if (range === undefined || lookup.part !== "") return false;
    const { policy, uses } = this.#cache.parts;
    const match = /^bytes=([0-9]+)-([0-9]*)$/i.exec(range);
    if (match !== null && Number(match[1]) >= policy.maxObjectBytes) return true;
    const isFromStart = match !== null && match[1] === "0" && match[2] === "";
    return !isFromStart && !uses.wasAsked(lookup.key);
  }
}

/** What one gateway says to another is not for the upstream. */
function unmarked(request: ClientRequest): ClientRequest {
  const { fields } = request;
  if (!fields.has(PEER_MARK)) return request;
  const kept = new Fields(fields.names.slice(), fields.values.slice());
  kept.delete(PEER_MARK);
  const { method, target, scheme, authority, body, upgrade, interim } = request;
  return new ClientRequest(method, target, scheme, authority, kept, body, upgrade, interim);
}
