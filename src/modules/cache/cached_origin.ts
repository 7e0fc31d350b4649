/**
 * The cache around an origin (spec 04 section 6): serves what is stored, waits for what another request is
 * fetching, or fetches it, stores it, and serves it as it comes.
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import { ClientRequest, ClientResponse } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import { bytesOf, respond, textFields } from "./answers.ts";
import { BackgroundCall } from "./background_call.ts";
import { type Cache, PHASE_OF } from "./cache.ts";
import { DECIDED, type Lookup, type Unsafe } from "./decision.ts";
import { type Delivered, showStatus } from "./delivery.ts";
import { type Asked, Fetcher, type Found, type Task } from "./fetcher.ts";
import { fillRequest, impersonal } from "./fill_request.ts";
import { varianceOf } from "./key/vary.ts";
import { rangeLookup, rangeRequest, singleRange, trimRanges } from "./parts/single_range.ts";
import { SliceFetch } from "./parts/slice_fetch.ts";
import { Slices } from "./parts/slices.ts";
import { PEER_MARK } from "./peers.ts";
import {
  type CacheIndex,
  type Held,
  UNVARIED,
  type VarianceHash,
  varianceHash,
} from "./store/index.ts";
import {
  DEAD,
  DOOMED,
  EXPIRES,
  FILLING,
  LENGTH,
  PENDING,
  READY,
  REFUSED,
  VARIANCE_HIGH,
  VARIANCE_LOW,
  WHILE_REVALIDATE,
} from "./store/slot_words.ts";
import { changeOf, WAIT_SLICE_MS } from "./waiting.ts";

/** Rounds of finding, waiting and claiming before a request goes on by itself. */
const MAX_ROUNDS = 16;

/** The origin of a scope with a cache around it. */
export class CachedOrigin implements Origin {
  readonly #cache: Cache;
  readonly #inner: Origin;
  readonly #fetcher: Fetcher;
  readonly #slices: Slices | undefined;
  /** Work of this cache that no client waits for. */
  readonly #background = new Set<BackgroundCall>();

  /** @param isContent `inner` answers exchanges alone. */
  constructor(cache: Cache, inner: Origin, readonly isContent = false) {
    this.#cache = cache;
    this.#inner = inner;
    this.#fetcher = new Fetcher(cache, inner, isContent);
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
    for (const call of this.#background) call.abort();
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
      if (answer === "over-budget") return this.#fetcher.overBudget(asked);
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
      const { found, variance } = this.#find(asked);
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
        this.#fetcher.confirmByHead(task, found, response, (performance.now() - sentAt) / 1000);
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
      const { found, variance } = this.#find(asked);
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
        const late = lock.enabled && !lookup.refresh ? this.#find(asked).found : undefined;
        if (late !== undefined && this.#cache.isFresh(late.held, now)) {
          if (found !== undefined) store.index.release(found.held);
          store.index.remove(claim.held.slot, claim.held.generation);
          store.index.release(claim.held);
          return respond(this.#hit(asked, late));
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
      const outcome = await this.#wait(asked, claim.held);
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

  /**
   * The object for `asked`, complete, whether it is fresh or not; and its variance, as far as it is known which
   * fields it depends on.
   */
  #find({ lookup, request }: Asked): { readonly found?: Found; readonly variance: VarianceHash } {
    const { store } = this.#cache.parts;
    const { index } = store;
    const any = index.find(lookup.key, undefined);
    if (any === undefined) return NOT_FOUND;
    const object = store.meta(any.slot);
    if (object === undefined || !this.#cache.isFor(object, lookup)) {
      index.release(any);
      return NOT_FOUND;
    }
    const variance = variance64(object.meta.vary, request);
    const isThis = index.phase(any.slot) === READY && sameVariance(index, any.slot, variance);
    if (isThis) return { found: { held: any, object }, variance };
    index.release(any);
    const held = index.find(lookup.key, variance);
    if (held === undefined) return { variance };
    const own = index.phase(held.slot) === READY ? store.meta(held.slot) : undefined;
    if (own !== undefined && this.#cache.isFor(own, lookup)) {
      return { found: { held, object: own }, variance };
    }
    index.release(held);
    return { variance };
  }

  /** The answer with what was found, where that may be used without asking. */
  #served(asked: Asked, found: Found, now: number): ClientResponse | undefined {
    const { lookup } = asked;
    const { store, events } = this.#cache.parts;
    if (this.#cache.isFresh(found.held, now)) {
      return lookup.refresh ? undefined : respond(this.#hit(asked, found));
    }
    if (lookup.refresh || lookup.onlyIfCached || this.isContent) return undefined;
    if (now >= store.index.float(found.held.slot, WHILE_REVALIDATE)) return undefined;
    this.#refresh(asked, found);
    events.stale.count();
    return respond(
      this.#cache.delivered(asked.exchange, found.held, found.object, "STALE-UPDATING"),
    );
  }

  #hit({ exchange }: Asked, { held, object }: Found): Delivered {
    const { store, events } = this.#cache.parts;
    store.index.touch(held.slot);
    store.index.count("hits");
    events.hit.count();
    return this.#cache.delivered(exchange, held, object, "HIT");
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

  /**
   * Waits for the fill of another request.
   *
   * @returns The answer; `again` to look once more; `alone` to fetch without storing.
   */
  async #wait(asked: Asked, held: Held): Promise<ClientResponse | "again" | "alone"> {
    const { store, policy } = this.#cache.parts;
    const { index } = store;
    const { lock } = policy.config;
    const { call } = asked;
    const until = Date.now() + lock.wait_timeout_secs * 1000;
    try {
      for (;;) {
        const seen = index.progress(held.slot);
        const phase = index.phase(held.slot);
        if (phase === READY) return "again";
        if (phase === DEAD) return (index.flags(held.slot) & REFUSED) !== 0 ? "alone" : "again";
        if ((index.flags(held.slot) & DOOMED) !== 0) return "again";
        if (phase === FILLING) {
          const attached = this.#attach(asked, held);
          if (attached !== undefined) return attached;
        }
        const left = until - Date.now();
        if (left <= 0 || call.aborted) return "alone";
        await changeOf(call, index.change(held.slot, seen, Math.min(left, WAIT_SLICE_MS)));
        if (this.#isStuck(held)) return "again";
      }
    } finally {
      index.release(held);
    }
  }

  /** A fill that has not got on for too long loses its claim in the next round. */
  #isStuck({ slot }: Held): boolean {
    const { store, policy } = this.#cache.parts;
    return store.index.isStuck(slot, policy.config.lock.age_timeout_secs * 1000, Date.now());
  }

  /** Reads along with a fill whose length is known; one that may turn out too large is waited for. */
  #attach(asked: Asked, filling: Held): ClientResponse | "again" | "alone" | undefined {
    const { store } = this.#cache.parts;
    const { index } = store;
    const object = store.meta(filling.slot);
    if (object === undefined || !this.#cache.isFor(object, asked.lookup)) return "again";
    const variance = variance64(object.meta.vary, asked.request);
    if (!sameVariance(index, filling.slot, variance)) return "again";
    // What has to be confirmed for each client is no other client's.
    if (!(index.float(filling.slot, EXPIRES) > Date.now())) return "alone";
    if (index.float(filling.slot, LENGTH) < 0) return undefined;
    const held = index.hold(filling.slot);
    if (held === undefined) return "again";
    return respond(this.#hit(asked, { held, object }));
  }

  /** Fetches an object anew while a stale copy is served. One for each object at a time. */
  #refresh(asked: Asked, found: Found): void {
    const { store, policy, refreshes } = this.#cache.parts;
    const { index } = store;
    const { lock } = policy.config;
    const variance = varianceOfFound(found, asked.request);
    const ageMs = lock.age_timeout_secs * 1000;
    if (!refreshes.tryTake()) return;
    const claim = index.claim(asked.lookup.key, variance, ageMs, Date.now());
    const stale = claim?.isOwn === true ? index.hold(found.held.slot) : undefined;
    if (claim === undefined || !claim.isOwn || stale === undefined) {
      if (claim?.isOwn === true) index.remove(claim.held.slot, claim.held.generation);
      if (claim !== undefined) index.release(claim.held);
      refreshes.giveBack();
      return;
    }
    const call = new BackgroundCall(ageMs);
    this.#background.add(call);
    const task: Task = {
      ...asked,
      request: impersonal(asked.request),
      exchange: undefined,
      call,
      claim: claim.held,
      stale: { held: stale, object: found.object },
      status: "EXPIRED",
      reason: "",
    };
    void this.#finishRefresh(task, call);
  }

  async #finishRefresh(task: Task, call: BackgroundCall): Promise<void> {
    try {
      const { body } = await this.#fetcher.run(task);
      if (body !== undefined) await drain(body, this.#cache.parts.policy.maxObjectBytes);
    } catch {
      // The stale copy goes on being served; the upstream has logged what was wrong.
    } finally {
      call.end();
      this.#background.delete(call);
      this.#cache.parts.refreshes.giveBack();
    }
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

const NOT_FOUND = { variance: UNVARIED };

function variance64(vary: readonly string[], { fields }: ClientRequest): VarianceHash {
  return vary.length === 0 ? UNVARIED : varianceHash(varianceOf(vary, fields));
}

function varianceOfFound({ object }: Found, request: ClientRequest): VarianceHash {
  return variance64(object.meta.vary, request);
}

function sameVariance(index: CacheIndex, slot: number, { low, high }: VarianceHash): boolean {
  const at = index.at(slot);
  return index.words[at + VARIANCE_LOW] === low && index.words[at + VARIANCE_HIGH] === high;
}

/** Reads a body that is of no use but for how it ends, and cancels one that is too long for that. */
async function drain(body: Body, maxBytes: number): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let bytes = 0; bytes <= maxBytes;) {
    const count = await body.read(buffer);
    if (count === null) return;
    bytes += count;
  }
  body.cancel();
}
