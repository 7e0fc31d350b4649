/** A request on its way through a cache, and how its claims and objects are given back. @module */
import type { ClientRequest } from "../../../http/client.ts";
import type { Fields } from "../../../http/fields.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import type { Call } from "../../../gateway/origin.ts";
import { type Cache, PHASE_OF } from "../cache.ts";
import type { Lookup } from "./decision.ts";
import { type CacheStatus, showStatus } from "../answer/delivery.ts";
import { varianceOf } from "../key/vary.ts";
import type { Admitted } from "../policy/admission.ts";
import { tagsOf } from "../policy/tags.ts";
import type { Held } from "../store/index.ts";
import { type DecodedMeta, type ObjectMeta, storedFields } from "../store/meta.ts";

/** An object that was found, held. */
export interface Found {
  readonly held: Held;
  readonly object: DecodedMeta;
}

/** A request on its way through the cache. */
export interface Asked {
  readonly lookup: Lookup;
  /** As the upstream gets it. */
  readonly request: ClientRequest;
  /** `undefined` for work of the gateway's own. */
  readonly exchange: Exchange | undefined;
  readonly call: Call;
}

/** A fetch, and what it may fall back on. */
export interface Task extends Asked {
  /** The claim of this fetch; `undefined` for one that is not stored. */
  readonly claim: Held | undefined;
  readonly stale: Found | undefined;
  /** What the answer is called when it is a whole new one. */
  readonly status: CacheStatus;
  readonly reason: string;
}

/** What is stored beside the body of an answer. */
export function metaOf(
  cache: Cache,
  { lookup, request }: Task,
  status: number,
  fields: Fields,
  { vary, lifetimeSecs, withheld = [] }: Admitted,
): ObjectMeta {
  const { policy, headers } = cache.parts;
  const { scheme, port, path } = lookup.identity;
  return {
    status,
    ...storedFields(fields, [headers.status, headers.reason, ...withheld]),
    loose: lookup.loose,
    part: lookup.part,
    version: "",
    scheme,
    port,
    path,
    tags: tagsOf(fields, policy.tagHeaders),
    vary,
    variance: varianceOf(vary, request.fields).toHex(),
    lifetimeSecs,
  };
}

/** Writes how the cache took part into an answer. */
export function show(cache: Cache, task: Task, fields: Fields, reason: string): void {
  const { exchange, status } = task;
  showStatus(fields, cache.parts.headers, status, reason === "" ? task.reason : reason);
  if (exchange !== undefined) exchange.findings.cachePhase = PHASE_OF[status];
}

/** An object is of no more use, in any tier. */
export function removeObject(cache: Cache, { held, object }: Found): void {
  const { store, disk } = cache.parts;
  store.index.remove(held.slot, held.generation);
  disk?.drop(object.meta);
}

/** Ends the claim of a task, if it has one. */
export function endClaim(cache: Cache, { claim }: Task, flags: number): void {
  if (claim === undefined || claim.isReleased) return;
  const { index } = cache.parts.store;
  index.remove(claim.slot, claim.generation, flags);
  index.release(claim);
}

/** Lets go of the stale object of a task. */
export function releaseStale(cache: Cache, { stale }: Task): void {
  if (stale !== undefined) cache.parts.store.index.release(stale.held);
}
