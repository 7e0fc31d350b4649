/**
 * Fetches of a cache: asks the upstream, and stores, confirms or passes on what comes (spec 04 sections 5 and 6).
 *
 * @module
 */
import { BytesBody } from "../../../http/body.ts";
import { ClientResponse } from "../../../http/client.ts";
import { isConditional } from "../../../http/content/conditional.ts";
import type { Fields } from "../../../http/fields.ts";
import type { Origin } from "../../../gateway/origin.ts";
import {
  bytesOf,
  lastModifiedOf,
  partly,
  respond,
  textFields,
  timesOf,
} from "../answer/answers.ts";
import { type Cache, PHASE_OF } from "../cache.ts";
import { partOf, showStatus } from "../answer/delivery.ts";
import { errorKind } from "../failures.ts";
import { Filler, OwnerBody } from "./filler.ts";
import { conditional } from "./fill_request.ts";
import { varianceOf } from "../key/vary.ts";
import { ObjectBody } from "../answer/object_body.ts";
import { acceptFromPeer, mayAskPeers } from "./peer_fill.ts";
import { admit, type Admitted, isOrigins, type Rejection } from "../policy/admission.ts";
import { ReleasingBody } from "../answer/releasing_body.ts";
import { renew } from "./renewal.ts";
import type { CacheConfig } from "../schema.ts";
import { overBudget, staleAnswer, staleFor5xx } from "../answer/stale_answer.ts";
import { endClaim, metaOf, releaseStale, removeObject, show, type Task } from "../lookup/task.ts";
import { type Held, UNVARIED, varianceHash } from "../store/index.ts";
import type { Fill } from "../store/memory.ts";
import type { DecodedMeta } from "../store/meta.ts";
import { REFUSED } from "../store/slot_words.ts";

const NOTHING = new Uint8Array(0);

/** Fetches for the cache of one scope. */
export class Fetcher {
  readonly #cache: Cache;
  readonly #inner: Origin;

  constructor(cache: Cache, inner: Origin, readonly isContent: boolean) {
    this.#cache = cache;
    this.#inner = inner;
  }

  /** Asks the upstream, and stores and answers what comes. Ends the claim in any case. */
  async run(task: Task): Promise<ClientResponse> {
    const { permits, events } = this.#cache.parts;
    try {
      const fromPeer = await this.#fromPeers(task);
      if (fromPeer !== undefined) return fromPeer;
    } catch (error) {
      endClaim(this.#cache, task, 0);
      releaseStale(this.#cache, task);
      throw error;
    }
    if (permits !== undefined && !permits.tryTake()) {
      events.origin_protected.count();
      endClaim(this.#cache, task, 0);
      const stale = staleAnswer(this.#cache, task);
      if (stale !== undefined) return stale;
      releaseStale(this.#cache, task);
      return overBudget(this.#cache, task);
    }
    let isPermitHeld = permits !== undefined;
    const giveBack = () => {
      if (isPermitHeld) permits?.giveBack();
      isPermitHeld = false;
    };
    try {
      return await this.#ask(task, giveBack);
    } catch (error) {
      giveBack();
      endClaim(this.#cache, task, task.call.aborted ? 0 : REFUSED);
      const stale = task.call.aborted
        ? undefined
        : staleAnswer(this.#cache, task, errorKind(error));
      if (stale !== undefined) return stale;
      releaseStale(this.#cache, task);
      throw error;
    }
  }

  /** Asks peers, where there are some and the request is one for them. */
  async #fromPeers(task: Task): Promise<ClientResponse | undefined> {
    const { peers, events, headers } = this.#cache.parts;
    const { claim, lookup, exchange, request, call } = task;
    if (peers === undefined || claim === undefined || exchange === undefined) return undefined;
    if (!mayAskPeers(lookup, exchange.request)) return undefined;
    const question = {
      identity: lookup.identity,
      target: exchange.target,
      fields: request.fields,
      call,
    };
    const answer = await peers.ask(
      question,
      (response, delaySecs, asked) =>
        acceptFromPeer(
          this.#cache,
          lookup,
          response,
          delaySecs,
          asked,
          request.fields,
          peers.maxBytes,
        ),
      (event) => events[event].count(),
    );
    if (typeof answer === "object") {
      const { response, taken, release } = answer;
      return this.#store({ ...task, status: "PEER-HIT" }, claim, response, taken, release);
    }
    if (peers.failsOpen) {
      events.peer_fill_fallback.count();
      return undefined;
    }
    endClaim(this.#cache, task, REFUSED);
    const stale = staleAnswer(this.#cache, task);
    if (stale !== undefined) return stale;
    releaseStale(this.#cache, task);
    events.peer_fill_fail_closed.count();
    const fields = textFields("cache miss");
    showStatus(fields, headers, "MISS", answer);
    exchange.findings.cachePhase = PHASE_OF.MISS;
    return new ClientResponse(504, fields, bytesOf("cache miss"), undefined);
  }

  async #ask(task: Task, giveBack: () => void): Promise<ClientResponse> {
    const { stale, request, call } = task;
    const { events } = this.#cache.parts;
    const sentAt = performance.now();
    const lastModified = stale === undefined ? undefined : lastModifiedOf(stale.object);
    const isConditional = stale !== undefined && task.claim !== undefined &&
      task.lookup.part === "" &&
      (stale.object.etag !== undefined || lastModified !== undefined);
    if (isConditional) events.revalidate.count();
    const sent = isConditional ? conditional(request, stale.object.etag, lastModified) : request;
    const response = await this.#inner.fetch(sent, call);
    const delaySecs = (performance.now() - sentAt) / 1000;
    if (response.status === 304 && isConditional) {
      response.body?.cancel();
      const renewed = renew(this.#cache, task, stale, response, delaySecs);
      if (renewed !== undefined) {
        giveBack();
        return renewed;
      }
      // What was confirmed is not what is stored, or was purged meanwhile: the whole is asked for.
      return await this.#ask(this.#anew(task), giveBack);
    }
    if (response.status >= 500) {
      const kept = staleFor5xx(this.#cache, task, response.status);
      if (kept !== undefined) {
        response.body?.cancel();
        giveBack();
        endClaim(this.#cache, task, REFUSED);
        return kept;
      }
    }
    return this.#arrived(task, response, delaySecs, giveBack);
  }

  /** A task without its stale object, and with a claim that no purge has made void. */
  #anew(task: Task): Task {
    releaseStale(this.#cache, task);
    endClaim(this.#cache, task, 0);
    const { store, policy: { config } } = this.#cache.parts;
    const ageMs = config.lock.age_timeout_secs * 1000;
    const claim = store.index.claim(
      task.lookup.key,
      UNVARIED,
      ageMs,
      Date.now(),
      !config.lock.enabled,
    );
    if (claim?.isOwn === false) store.index.release(claim.held);
    return { ...task, stale: undefined, claim: claim?.isOwn === true ? claim.held : undefined };
  }

  /** A whole answer has come. */
  #arrived(
    task: Task,
    response: ClientResponse,
    delaySecs: number,
    giveBack: () => void,
  ): Promise<ClientResponse> | ClientResponse {
    const { policy, perRequest, uses } = this.#cache.parts;
    const { lookup, claim } = task;
    const { status, fields, body } = response;
    // A script may have another part of the gateway send a file in its place.
    if (this.isContent && status === 200 && body === undefined) {
      return this.#notStored(task, response, "empty-body", giveBack);
    }
    const judged = admit(policy, {
      status,
      fields,
      length: body?.length,
      hasBody: body !== undefined,
      delaySecs,
      extension: lookup.extension,
      perRequest,
      part: lookup.range,
    }, Date.now());
    if (typeof judged === "string") {
      if (needsCount(policy.config)) uses.uncacheable(lookup.key, isOrigins(judged));
      return this.#notStored(task, response, judged, giveBack);
    }
    const count = needsCount(policy.config) ? uses.storable(lookup.key) : Infinity;
    if (count < policy.config.min_uses) {
      return this.#notStored(task, response, "cache-min-uses", giveBack);
    }
    if (claim === undefined || body?.endsUnproven === true) {
      return this.#notStored(task, response, "", giveBack);
    }
    return this.#store(task, claim, response, judged, giveBack);
  }

  /** The answer goes to the client as it comes, and nowhere else. */
  #notStored(
    task: Task,
    response: ClientResponse,
    reason: Rejection | "cache-min-uses" | "storage-unavailable" | "",
    giveBack: () => void,
  ): ClientResponse {
    const { stale, exchange, claim } = task;
    const { status, fields } = response;
    endClaim(this.#cache, task, REFUSED);
    // Only an answer about the resource, and all of it, takes the place of what is stored.
    const replaced = stale !== undefined && claim !== undefined && status < 500 &&
        reason !== "cache-min-uses"
      ? stale
      : undefined;
    const ended = (isWhole: boolean) => {
      if (isWhole && replaced !== undefined) removeObject(this.#cache, replaced);
      giveBack();
    };
    releaseStale(this.#cache, task);
    show(this.#cache, task, fields, reason);
    let { body } = response;
    if (body === undefined) ended(true);
    else if (this.#cache.parts.permits !== undefined || replaced !== undefined) {
      body = new ReleasingBody(body, ended);
    }
    const whole = new ClientResponse(status, fields, body, undefined);
    return exchange === undefined ? whole : partly(exchange, whole);
  }

  /** The answer is stored as it comes, and read from there. */
  async #store(
    task: Task,
    claim: Held,
    response: ClientResponse,
    admitted: Admitted,
    giveBack: () => void,
  ): Promise<ClientResponse> {
    const { store, policy, events } = this.#cache.parts;
    const { lookup, exchange } = task;
    const { status, fields, body } = response;
    const meta = metaOf(this.#cache, task, status, fields, admitted);
    const variance = varianceHash(varianceOf(admitted.vary, task.request.fields));
    const length = body === undefined ? 0 : body.length;
    const fill = store.begin(claim, meta, timesOf(admitted), variance, length);
    if (fill === undefined) {
      store.index.count("storeRefusals");
      events.store_refusal.count();
      return this.#notStored(task, response, "storage-unavailable", giveBack);
    }
    const object = store.meta(claim.slot);
    const held = store.index.hold(claim.slot);
    if (object === undefined || held === undefined) {
      fill.abandon(0);
      return this.#notStored(task, response, "storage-unavailable", giveBack);
    }
    releaseStale(this.#cache, task);
    const filler = new Filler({
      store,
      fill,
      key: lookup.key,
      source: body ?? new BytesBody(NOTHING),
      maxBytes: policy.maxObjectBytes,
      released: giveBack,
      ended: (how) => {
        // Before the claim is released: until then the slot is what it is.
        if (how === "stored") this.#cache.parts.disk?.save(claim.slot);
        store.index.release(claim);
        if (how === "stored") events.store.count();
        else {
          store.index.count("storeRefusals");
          events.store_refusal.count();
        }
        if (how === "too-large") this.#cache.parts.uses.uncacheable(lookup.key, true);
      },
    });
    if (exchange === undefined) {
      store.index.release(held);
      await filler.done;
      return new ClientResponse(status, fields, undefined, undefined);
    }
    return await this.#follow(task, { filler, fill, held, object, fields });
  }

  /** The answer to the client that the fill began for. */
  async #follow(
    task: Task,
    { filler, fill, held, object, fields }: {
      readonly filler: Filler;
      readonly fill: Fill;
      readonly held: Held;
      readonly object: DecodedMeta;
      readonly fields: Fields;
    },
  ): Promise<ClientResponse> {
    const { store } = this.#cache.parts;
    const exchange = task.exchange!;
    const { status } = object.meta;
    const wantsPart = status === 200 && isConditional(exchange.request);
    let { length } = fill;
    // Where a part begins and ends is known when the length is.
    if (wantsPart && length === undefined && await filler.done === "stored") length = fill.stored;
    const part = wantsPart ? partOf(exchange, object, length) : undefined;
    const mayLeave = fill.length === undefined || exchange.request.has("range");
    const ended = (isRead: boolean) => {
      if (!isRead && mayLeave && !filler.isOver && store.index.readers(held.slot) <= 1) {
        filler.cancel();
      }
    };
    const isSettled = part === "not-modified" || part === "unsatisfiable" ||
      (part !== undefined && filler.rest === undefined);
    if (isSettled) {
      const answer = this.#cache.delivered(exchange, held, object, task.status, task.reason);
      return respond(answer);
    }
    const stored = new ObjectBody(store, held, 0, length, ended);
    const body = new OwnerBody(filler, stored, 0);
    show(
      this.#cache,
      task,
      fields,
      filler.isOver && filler.rest !== undefined ? "ResponseTooLarge" : task.reason,
    );
    return new ClientResponse(status, fields, body, undefined);
  }
}

/** Whether answers are counted: nothing asks for it otherwise. */
function needsCount({ min_uses, pass_uncacheable_after, predictor }: CacheConfig): boolean {
  return min_uses > 1 || pass_uncacheable_after > 0 || predictor.enabled;
}
