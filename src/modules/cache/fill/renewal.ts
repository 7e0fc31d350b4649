/** What an upstream confirms of a stored object (spec 04 section 6.2). @module */
import { ClientResponse } from "../../../http/client.ts";
import {
  bytesOf,
  lastModifiedOf,
  mergedFields,
  respond,
  textFields,
  timesOf,
} from "../answer/answers.ts";
import type { Cache } from "../cache.ts";
import { varianceOf } from "../key/vary.ts";
import { admit } from "../policy/admission.ts";
import { varianceHash } from "../store/index.ts";
import { DOOMED, LENGTH, READY, REFUSED } from "../store/slot_words.ts";
import {
  endClaim,
  type Found,
  metaOf,
  releaseStale,
  removeObject,
  type Task,
} from "../lookup/task.ts";

/** The upstream has confirmed the stale object; `undefined` where the whole must be asked for. */
export function renew(
  cache: Cache,
  task: Task,
  stale: Found,
  response: ClientResponse,
  delaySecs: number,
): ClientResponse | undefined {
  const { store, policy, perRequest } = cache.parts;
  const { index } = store;
  const { exchange, claim, lookup } = task;
  const { meta, etag } = stale.object;
  const confirmed = response.fields.get("etag");
  const isOther = confirmed !== undefined && etag !== undefined && confirmed !== etag;
  const isGone = index.phase(stale.held.slot) !== READY;
  if (claim === undefined || isOther || isGone || (index.flags(claim.slot) & DOOMED) !== 0) {
    if (isOther) removeObject(cache, stale);
    return undefined;
  }
  const merged = mergedFields(meta, response.fields);
  const judged = admit(policy, {
    status: meta.status,
    fields: merged,
    length: index.float(stale.held.slot, LENGTH),
    hasBody: true,
    delaySecs,
    extension: lookup.extension,
    perRequest,
  }, Date.now());
  const varyChanged = typeof judged !== "string" && judged.vary.join() !== meta.vary.join();
  if (typeof judged === "string" || varyChanged) {
    endClaim(cache, task, REFUSED);
    if (typeof judged === "string") removeObject(cache, stale);
    const [status, reason] = varyChanged
      ? ["REVALIDATED", "revalidation-vary-changed"] as const
      : ["REVALIDATED-NOCACHE", judged as string] as const;
    return respond(cache.delivered(exchange, stale.held, stale.object, status, reason));
  }
  const renewedMeta = metaOf(cache, task, meta.status, merged, judged);
  const variance = varianceHash(varianceOf(judged.vary, task.request.fields));
  const fill = store.renew(claim, stale.held, renewedMeta, timesOf(judged), variance);
  const status = task.status === "REVALIDATE" ? "REVALIDATE" : "REVALIDATED";
  if (fill === undefined || !fill.complete(lookup.key)) {
    endClaim(cache, task, 0);
    return respond(
      cache.delivered(exchange, stale.held, stale.object, status, task.reason),
    );
  }
  releaseStale(cache, task);
  cache.parts.disk?.save(claim.slot);
  const object = store.meta(claim.slot);
  const held = index.hold(claim.slot);
  index.release(claim);
  if (object === undefined || held === undefined) {
    return new ClientResponse(502, textFields("bad gateway"), bytesOf("bad gateway"), undefined);
  }
  return respond(cache.delivered(exchange, held, object, status, task.reason));
}

/** An answer to HEAD: the object that is stored is confirmed, or it is of another version and goes. */
export function confirmByHead(
  cache: Cache,
  task: Task,
  stale: Found,
  response: ClientResponse,
  delaySecs: number,
): void {
  const { index } = cache.parts.store;
  const { fields } = response;
  const etag = fields.get("etag");
  const modified = fields.get("last-modified");
  const length = fields.get("content-length");
  const known = String(index.float(stale.held.slot, LENGTH));
  const isOther = etag !== stale.object.etag || modified !== lastModifiedOf(stale.object) ||
    length !== undefined && length !== known;
  if (isOther) removeObject(cache, stale);
  else if (etag !== undefined || modified !== undefined) {
    const copy = new ClientResponse(304, fields.clone(), undefined, undefined);
    renew(cache, task, stale, copy, delaySecs)?.body?.cancel();
  }
  endClaim(cache, task, 0);
  releaseStale(cache, task);
}
