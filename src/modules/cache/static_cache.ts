/**
 * Local static files in the cache (spec 04 section 9): every look for a file is made as ever, and what is stored
 * takes the place of reading it.
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import type { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { type ServedFile, SOUGHT_FILE, SoughtFile } from "../../gateway/exchange/served_file.ts";
import { timesOf } from "./answer/answers.ts";
import { type Cache, PHASE_OF } from "./cache.ts";
import type { Lookup } from "./lookup/decision.ts";
import { type CacheStatus, showStatus } from "./answer/delivery.ts";
import { Filler, OwnerBody } from "./fill/filler.ts";
import { component, identityOf } from "./key/key.ts";
import { ObjectBody } from "./answer/object_body.ts";
import { admit, type Admitted } from "./policy/admission.ts";
import { contentRange } from "./policy/content_range.ts";
import { extensionOf } from "./policy/paths.ts";
import { wishesOf } from "./policy/request_rules.ts";
import { tagsOf } from "./policy/tags.ts";
import { type Held, UNVARIED } from "./store/index.ts";
import { storedFields } from "./store/meta.ts";
import { DATED, LENGTH, READY } from "./store/slot_words.ts";

/** Largest file that is stored, whatever the table says. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The files of one scope in its cache. */
export class StaticCache {
  constructor(readonly cache: Cache) {}

  /** The step before content is looked for. */
  readonly seek = (exchange: Exchange): void => {
    SOUGHT_FILE.set(exchange, new SoughtFile());
  };

  /** The step on the answer. */
  readonly respond = (exchange: Exchange): void | Promise<void> => {
    const file = SOUGHT_FILE.of(exchange)?.file;
    if (file === undefined || exchange.status < 200 || exchange.status >= 400) return;
    const { rules, policy } = this.cache.parts;
    const reason = rules.bypass(exchange);
    const extension = extensionOf(exchange.path);
    if (reason === "method-head" || exchange.method !== "GET") {
      return this.#show(exchange, "BYPASS", "static-ineligible");
    }
    if (reason !== undefined) return this.#show(exchange, "BYPASS", reason);
    if (!policy.extensions.has(extension)) {
      return this.#show(exchange, "BYPASS", "static-ineligible");
    }
    const lookup = this.#lookupOf(exchange, file, extension);
    const held = this.#find(lookup, file);
    if (held !== undefined) return this.#hit(exchange, held, lookup);
    const { disk } = this.cache.parts;
    if (disk === undefined || policy.config.memory.enabled || lookup.refresh) {
      return this.#miss(exchange, file, lookup);
    }
    return this.#load(exchange, file, lookup);
  };

  #lookupOf(exchange: Exchange, file: ServedFile, extension: string): Lookup {
    const { policy, store } = this.cache.parts;
    const identity = identityOf(exchange);
    const loose = policy.keys.loose(identity);
    // An edited file is another one.
    const part = component("file", `${file.path}:${file.length}:${file.etag}`);
    const wishes = wishesOf(exchange.request);
    return {
      kind: "lookup",
      identity,
      loose,
      part,
      key: store.index.hash(loose, identity.scheme, identity.port, part),
      extension,
      refresh: wishes.refresh && policy.config.allow_client_cache_refresh,
      onlyIfCached: false,
    };
  }

  #find(lookup: Lookup, file: ServedFile): Held | undefined {
    const { store } = this.cache.parts;
    const held = store.index.find(lookup.key, UNVARIED);
    if (held === undefined) return undefined;
    const object = store.index.phase(held.slot) === READY ? store.meta(held.slot) : undefined;
    const isIt = object !== undefined && this.cache.isFor(object, lookup) &&
      this.cache.isFresh(held, Date.now()) && store.index.float(held.slot, LENGTH) === file.length;
    if (isIt) return held;
    store.index.release(held);
    return undefined;
  }

  /** What is stored takes the place of the file; its head is that of the file. */
  #hit(exchange: Exchange, held: Held, { refresh }: Lookup): void {
    const { store, events } = this.cache.parts;
    const { index } = store;
    index.touch(held.slot);
    const { response, responseBody } = exchange;
    if (refresh) {
      index.release(held);
      return this.#show(exchange, "REVALIDATED", "request-refresh");
    }
    index.count("hits");
    events.hit.count();
    const age = Math.max(0, Math.floor((Date.now() - index.float(held.slot, DATED)) / 1000));
    response.set("age", String(age));
    this.#show(exchange, "HIT", "");
    const part = exchange.status === 206 ? contentRange(response) : undefined;
    const isWhole = exchange.status === 200;
    // What lies in the memory of this worker already is sent from there.
    if (!isBody(responseBody) || !isWhole && part === undefined) return index.release(held);
    responseBody.cancel();
    const first = part?.first ?? 0;
    const end = part === undefined ? index.float(held.slot, LENGTH) : part.last + 1;
    exchange.responseBody = new ObjectBody(store, held, first, end);
  }

  async #load(exchange: Exchange, file: ServedFile, lookup: Lookup): Promise<void> {
    const { disk, store } = this.cache.parts;
    const claim = this.#claim(lookup);
    if (claim !== undefined) {
      const isUsed = await disk?.load(claim, lookup, { fields: exchange.request }) === true;
      if (!isUsed) this.#giveUp(claim);
      const held = this.#find(lookup, file);
      if (held !== undefined && !exchange.aborted) return this.#hit(exchange, held, lookup);
      if (held !== undefined) store.index.release(held);
    }
    return this.#miss(exchange, file, lookup);
  }

  #claim(lookup: Lookup): Held | undefined {
    const { store, policy } = this.cache.parts;
    const ageMs = policy.config.lock.age_timeout_secs * 1000;
    const claim = store.index.claim(lookup.key, UNVARIED, ageMs, Date.now());
    if (claim === undefined) return undefined;
    if (claim.isOwn) return claim.held;
    store.index.release(claim.held);
    return undefined;
  }

  #giveUp(claim: Held): void {
    const { index } = this.cache.parts.store;
    index.remove(claim.slot, claim.generation);
    index.release(claim);
  }

  #miss(exchange: Exchange, file: ServedFile, lookup: Lookup): void {
    const { policy, store, events, perRequest } = this.cache.parts;
    store.index.count("misses");
    events.miss.count();
    if (exchange.status !== 200) return this.#show(exchange, "BYPASS", "static-ineligible");
    const admitted = file.length > Math.min(policy.maxObjectBytes, MAX_BYTES)
      ? "ResponseTooLarge"
      : admit(policy, {
        status: 200,
        // A file's own fields are what clients get.
        fields: exchange.response.clone(),
        length: file.length,
        hasBody: true,
        delaySecs: 0,
        extension: lookup.extension,
        perRequest,
      }, Date.now());
    if (typeof admitted === "string" || admitted.vary.length > 0) {
      return this.#show(exchange, "BYPASS", "static-not-storeable");
    }
    const claim = this.#claim(lookup);
    if (claim !== undefined) this.#store(exchange, lookup, claim, admitted, file.length);
    this.#show(exchange, "MISS", "");
  }

  #store(
    exchange: Exchange,
    lookup: Lookup,
    claim: Held,
    admitted: Admitted,
    length: number,
  ): void {
    const { store, policy, disk, events } = this.cache.parts;
    const { index } = store;
    const meta = this.#metaOf(lookup, exchange.response, admitted);
    const fill = store.begin(claim, meta, timesOf(admitted), UNVARIED, length);
    const { responseBody } = exchange;
    const ended = (isStored: boolean) => {
      if (isStored && !policy.config.memory.enabled) disk?.save(claim.slot);
      index.release(claim);
      if (isStored) return events.store.count();
      index.count("storeRefusals");
      events.store_refusal.count();
    };
    if (fill === undefined || responseBody === undefined) {
      index.remove(claim.slot, claim.generation);
      return ended(false);
    }
    if (!isBody(responseBody)) {
      const isStored = fill.write(responseBody) && fill.complete(lookup.key);
      if (!isStored) fill.abandon(0);
      return ended(isStored);
    }
    const held = index.hold(claim.slot);
    if (held === undefined) {
      fill.abandon(0);
      return ended(false);
    }
    const filler = new Filler({
      store,
      fill,
      key: lookup.key,
      source: responseBody,
      maxBytes: length,
      ended: (how) => ended(how === "stored"),
      released: () => {},
    });
    exchange.responseBody = new OwnerBody(filler, new ObjectBody(store, held, 0, length), 0);
  }

  #metaOf({ loose, part, identity }: Lookup, fields: Fields, admitted: Admitted) {
    const { policy, headers } = this.cache.parts;
    const { scheme, port, path } = identity;
    return {
      status: 200,
      ...storedFields(fields, [headers.status, headers.reason]),
      loose,
      scheme,
      port,
      part,
      version: "",
      path,
      tags: tagsOf(fields, policy.tagHeaders),
      vary: [],
      variance: "",
      lifetimeSecs: admitted.lifetimeSecs,
    };
  }

  #show(exchange: Exchange, status: CacheStatus, reason: string): void {
    const { headers, events } = this.cache.parts;
    if (status === "BYPASS") events.bypass.count();
    showStatus(exchange.response, headers, status, reason);
    exchange.findings.cachePhase = PHASE_OF[status];
  }
}

function isBody(body: Exchange["responseBody"]): body is Body {
  return body !== undefined && !(body instanceof Uint8Array);
}
