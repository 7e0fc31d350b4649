/**
 * Slices of large objects: finds one, waits for the fetch of another request, or fetches it. A slice is read
 * while it comes (spec 04 section 10.3).
 *
 * All slices of a version are found by way of its first one, which has a name for the version that the keys of
 * the others contain. When the first one is purged, the others cannot be found any more.
 *
 * @module
 */
import type { ClientRequest, ClientResponse } from "../../../http/client.ts";
import { Fields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import type { Origin } from "../../../gateway/origin.ts";
import { timesOf } from "../answer/answers.ts";
import { BackgroundCall } from "../fill/background_call.ts";
import type { Cache } from "../cache.ts";
import type { Lookup } from "../lookup/decision.ts";
import type { Asked } from "../lookup/task.ts";
import { withFields } from "../fill/fill_request.ts";
import { Filler } from "../fill/filler.ts";
import { component } from "../key/key.ts";
import { varianceOf } from "../key/vary.ts";
import { admit, type Admitted } from "../policy/admission.ts";
import { type ContentRange, contentRange } from "../policy/content_range.ts";
import { tagsOf } from "../policy/tags.ts";
import { type Held, varianceHash } from "../store/index.ts";
import { type DecodedMeta, storedFields } from "../store/meta.ts";
import { DEAD, DOOMED, FILLING, READY, REFUSED } from "../store/slot_words.ts";
import { changeOf, WAIT_SLICE_MS } from "../fill/waiting.ts";

/** Rounds of finding, waiting and claiming. */
const MAX_ROUNDS = 16;
/** How long an upstream may take for the head of a slice, beside its own limits. */
const FETCH_MS = 60_000;

/** A slice that may be read, held. */
export interface Slice {
  readonly held: Held;
  readonly object: DecodedMeta;
  /** Whether it was there already. */
  readonly wasStored: boolean;
}

/** Why there is no slice. */
export type NoSlice = "unavailable" | "over-budget";

/** What is known of a version once its first slice is there. */
export interface Version {
  readonly name: string;
  readonly etag: string;
  readonly total: number;
}

/** Which slice is asked for; without a version it is the first one. */
export interface SliceAsked {
  readonly index: number;
  readonly version: Version | undefined;
}

/** The version that a first slice is of. */
export function versionOf({ meta, etag }: DecodedMeta): Version | undefined {
  const sent = contentRange(new Fields([...meta.names], [...meta.values]));
  if (sent === undefined || etag === undefined || meta.version === "") return undefined;
  return { name: meta.version, etag, total: sent.total };
}

/** The slices of one cache. */
export class SliceFetch {
  readonly #background = new Set<BackgroundCall>();

  constructor(readonly cache: Cache, readonly inner: Origin, readonly sliceBytes: number) {}

  /** Gives up what is under way. */
  stop(): void {
    for (const call of this.#background) call.abort();
  }

  /** The look-up of a slice. */
  lookupOf(lookup: Lookup, { index, version }: SliceAsked): Lookup {
    const { index: slots } = this.cache.parts.store;
    const { loose, identity: { scheme, port } } = lookup;
    const name = version === undefined ? "" : `:${version.name}`;
    const part = component("slice", `${this.sliceBytes}:${index}${name}`);
    // The first one is found under the key of the whole, so that a purge of that finds it.
    const key = version === undefined
      ? slots.hash(loose, scheme, port, part)
      : slots.hash(loose + part, scheme, port);
    return { ...lookup, part, key };
  }

  /** A slice that is stored and fresh, in memory. */
  stored(asked: Asked, lookup: Lookup): Slice | undefined {
    const { store } = this.cache.parts;
    const held = store.index.find(lookup.key, this.#variance(asked));
    if (held === undefined) return undefined;
    const object = store.index.phase(held.slot) === READY ? store.meta(held.slot) : undefined;
    if (
      object !== undefined && this.cache.isFor(object, lookup) &&
      this.cache.isFresh(held, Date.now())
    ) {
      store.index.touch(held.slot);
      return { held, object, wasStored: true };
    }
    store.index.release(held);
    return undefined;
  }

  /** Whether a slice lies on disk. */
  async isOnDisk(lookup: Lookup): Promise<boolean> {
    return await this.cache.parts.disk?.has(lookup) ?? false;
  }

  /** A slice, from wherever it comes. */
  async open(asked: Asked, slice: SliceAsked): Promise<Slice | NoSlice> {
    const { store, policy, disk } = this.cache.parts;
    const { index } = store;
    const lookup = this.lookupOf(asked.lookup, slice);
    const request = this.#requestOf(asked);
    const variance = this.#variance(asked);
    const ageMs = policy.config.lock.age_timeout_secs * 1000;
    const until = Date.now() + policy.config.lock.wait_timeout_secs * 1000;
    let mayLoad = disk !== undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const stored = this.stored(asked, lookup);
      if (stored !== undefined) return stored;
      const claim = index.claim(lookup.key, variance, ageMs, Date.now());
      if (claim === undefined) return "unavailable";
      if (!claim.isOwn) {
        const outcome = await this.#wait(asked, lookup, claim.held, until);
        if (outcome !== "again") return outcome;
        continue;
      }
      const late = this.stored(asked, lookup);
      if (late !== undefined) {
        this.#giveUp(claim.held, 0);
        return late;
      }
      if (mayLoad && disk !== undefined) {
        mayLoad = false;
        if (!await disk.load(claim.held, lookup, request)) this.#giveUp(claim.held, 0);
        continue;
      }
      return await this.#fetch(request, lookup, slice, claim.held);
    }
    return "unavailable";
  }

  #giveUp(claim: Held, flags: number): void {
    const { index } = this.cache.parts.store;
    index.remove(claim.slot, claim.generation, flags);
    index.release(claim);
  }

  /** Waits for the fetch of another request. */
  async #wait(
    asked: Asked,
    lookup: Lookup,
    held: Held,
    until: number,
  ): Promise<Slice | "unavailable" | "again"> {
    const { store } = this.cache.parts;
    const { index } = store;
    try {
      for (;;) {
        const seen = index.progress(held.slot);
        const phase = index.phase(held.slot);
        if (phase === READY || (index.flags(held.slot) & DOOMED) !== 0) return "again";
        if (phase === DEAD) {
          return (index.flags(held.slot) & REFUSED) !== 0 ? "unavailable" : "again";
        }
        if (phase === FILLING) {
          const object = store.meta(held.slot);
          const own = index.hold(held.slot);
          if (object === undefined || own === undefined || !this.cache.isFor(object, lookup)) {
            if (own !== undefined) index.release(own);
            return "unavailable";
          }
          return { held: own, object, wasStored: false };
        }
        const left = until - Date.now();
        if (left <= 0 || asked.call.aborted) return "unavailable";
        await changeOf(asked.call, index.change(held.slot, seen, Math.min(left, WAIT_SLICE_MS)));
      }
    } finally {
      index.release(held);
    }
  }

  async #fetch(
    request: ClientRequest,
    lookup: Lookup,
    slice: SliceAsked,
    claim: Held,
  ): Promise<Slice | NoSlice> {
    const { permits, events, uses } = this.cache.parts;
    if (permits !== undefined && !permits.tryTake()) {
      events.origin_protected.count();
      this.#giveUp(claim, 0);
      return "over-budget";
    }
    const giveBack = once(() => permits?.giveBack());
    const call = new BackgroundCall(FETCH_MS);
    this.#background.add(call);
    const wanted = this.#bytesOf(slice);
    try {
      const sentAt = performance.now();
      const fields = new Fields(request.fields.names.slice(), request.fields.values.slice());
      fields.set("range", `bytes=${wanted.first}-${wanted.last}`);
      const response = await this.inner.fetch(withFields(request, fields), call);
      const delaySecs = (performance.now() - sentAt) / 1000;
      const admitted = this.#admitted(response, lookup, slice, wanted, delaySecs);
      if (admitted !== undefined) {
        const stored = this.#store(request, response, lookup, slice, claim, admitted, giveBack);
        if (stored !== undefined) return stored;
      }
      response.body?.cancel();
      // An upstream that sends no slices is not asked for them with every request.
      const isRefusal = admitted === undefined && response.status < 500;
      if (isRefusal && slice.version === undefined) uses.uncacheable(lookup.key, true);
    } catch {
      // As if it could not be stored: the request is proxied, and shows what is wrong.
    } finally {
      call.end();
      this.#background.delete(call);
    }
    giveBack();
    this.#giveUp(claim, REFUSED);
    return "unavailable";
  }

  #bytesOf({ index, version }: SliceAsked): ByteRange {
    const first = index * this.sliceBytes;
    const end = Math.min(first + this.sliceBytes, version?.total ?? Infinity);
    return { first, last: end - 1 };
  }

  /** The part that has come, and its freshness, if it is the one that was asked for and may be stored. */
  #admitted(
    { status, fields, body }: ClientResponse,
    lookup: Lookup,
    { version }: SliceAsked,
    wanted: ByteRange,
    delaySecs: number,
  ): { readonly sent: ContentRange; readonly admitted: Admitted } | undefined {
    const { policy, perRequest } = this.cache.parts;
    const sent = contentRange(fields);
    const etag = fields.get("etag");
    const isStrong = etag !== undefined && etag.startsWith('"') && fields.count("etag") === 1;
    if (status !== 206 || sent === undefined || !isStrong) return undefined;
    const last = Math.min(wanted.last, sent.total - 1);
    if (sent.first !== wanted.first || sent.last !== last) return undefined;
    if (version !== undefined && (version.etag !== etag || version.total !== sent.total)) {
      return undefined;
    }
    const coding = fields.get("content-encoding")?.toLowerCase() ?? "identity";
    if (coding !== "identity") return undefined;
    const admitted = admit(policy, {
      status,
      fields,
      length: body?.length,
      hasBody: body !== undefined,
      delaySecs,
      extension: lookup.extension,
      perRequest,
      part: { first: sent.first, last },
    }, Date.now());
    if (typeof admitted === "string") return undefined;
    return admitted.vary.every((name) => policy.vary.includes(name))
      ? { sent, admitted }
      : undefined;
  }

  #store(
    request: ClientRequest,
    { fields, body }: ClientResponse,
    lookup: Lookup,
    slice: SliceAsked,
    claim: Held,
    { sent, admitted }: { readonly sent: ContentRange; readonly admitted: Admitted },
    giveBack: () => void,
  ): Slice | undefined {
    const { store, policy, headers, events, disk } = this.cache.parts;
    const { index } = store;
    if (body === undefined) return undefined;
    const { scheme, port, path } = lookup.identity;
    const variance = varianceOf(policy.vary, request.fields);
    const meta = {
      status: 206,
      ...storedFields(fields, [headers.status, headers.reason]),
      loose: lookup.loose,
      scheme,
      port,
      part: lookup.part,
      version: slice.version === undefined ? this.#nameOf(lookup, fields, sent) : "",
      path,
      tags: tagsOf(fields, policy.tagHeaders),
      vary: policy.vary,
      variance: variance.toHex(),
      lifetimeSecs: admitted.lifetimeSecs,
    };
    const hash = varianceHash(variance);
    const fill = store.begin(claim, meta, timesOf(admitted), hash, body.length);
    if (fill === undefined) return undefined;
    const object = store.meta(claim.slot);
    const held = index.hold(claim.slot);
    if (object === undefined || held === undefined) {
      fill.abandon(0);
      if (held !== undefined) index.release(held);
      return undefined;
    }
    new Filler({
      store,
      fill,
      key: lookup.key,
      source: body,
      maxBytes: policy.maxObjectBytes,
      released: giveBack,
      ended: (how) => {
        if (how === "stored") disk?.save(claim.slot);
        index.release(claim);
        if (how === "stored") events.store.count();
        else {
          index.count("storeRefusals");
          events.store_refusal.count();
        }
      },
    }).leave();
    return { held, object, wasStored: false };
  }

  /** The name of a version: the one that its first slice has, if it has not changed and was not purged. */
  #nameOf(lookup: Lookup, fields: Fields, { total }: ContentRange): string {
    const { store } = this.cache.parts;
    const held = store.index.find(lookup.key, undefined);
    if (held !== undefined) {
      const object = store.index.phase(held.slot) === READY ? store.meta(held.slot) : undefined;
      store.index.release(held);
      const known = object && this.cache.isFor(object, lookup) ? versionOf(object) : undefined;
      if (known !== undefined && known.etag === fields.get("etag") && known.total === total) {
        return known.name;
      }
    }
    return crypto.getRandomValues(new Uint8Array(8)).toHex();
  }

  #variance({ request }: Asked) {
    return varianceHash(varianceOf(this.cache.parts.policy.vary, request.fields));
  }

  /** Nothing of the client's but what tells objects apart: a slice is fetched for everybody. */
  #requestOf({ request }: Asked): ClientRequest {
    const { policy, requests } = this.cache.parts;
    const { names, values } = request.fields;
    const fields = new Fields();
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (name === "via" || requests.writes.has(name) || policy.vary.includes(name)) {
        fields.append(name, values[i]);
      }
    }
    fields.set("accept-encoding", "identity");
    return withFields(request, fields);
  }
}

function once(call: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) call();
    isDone = true;
  };
}
