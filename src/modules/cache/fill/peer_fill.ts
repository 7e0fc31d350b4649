/**
 * Whether an answer of a peer will do (spec 04 section 11.2): it never gets more life than it has left, and one
 * from before the last purge is not taken.
 *
 * @module
 */
import type { ClientResponse } from "../../../http/client.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import type { Cache } from "../cache.ts";
import type { Lookup } from "../lookup/decision.ts";
import { admit, type Admitted } from "../policy/admission.ts";
import { readCacheControl } from "../policy/cache_control.ts";
import { freshnessOf, type FreshnessRules } from "../policy/freshness.ts";
import { PEER_MARK } from "./peers.ts";

/** No lifetimes of this gateway's own: what the peer says holds. */
const AS_STATED: FreshnessRules = {
  statusTtls: new Map(),
  defaultTtlSecs: undefined,
  staleWhileRevalidateSecs: undefined,
  staleIfErrorSecs: undefined,
};

/** Whether peers may be asked for what a client wants. */
export function mayAskPeers(lookup: Lookup, request: ReadonlyFields): boolean {
  return lookup.part === "" && !lookup.refresh && !request.has(PEER_MARK);
}

/**
 * Judges an answer; its fields are afterwards as the client gets them.
 *
 * @param asked What the peer was sent of the request, and `request` what the upstream would have been sent.
 */
export function acceptFromPeer(
  cache: Cache,
  lookup: Lookup,
  { status, fields, body }: ClientResponse,
  delaySecs: number,
  asked: ReadonlyFields,
  request: ReadonlyFields,
  maxBytes: number,
): Admitted | undefined {
  const { policy, perRequest, headers, store } = cache.parts;
  for (const name of ["set-cookie", headers.status, headers.reason]) {
    if (name !== undefined) fields.delete(name);
  }
  const now = Date.now();
  const control = readCacheControl(fields);
  const stated = freshnessOf(AS_STATED, { status, fields, control, delaySecs }, now);
  const { lifetimeSecs, ageSecs } = stated;
  if (lifetimeSecs === undefined || lifetimeSecs <= ageSecs) return undefined;
  // Seconds are rounded down on the way: what is in doubt is taken for older.
  if (now - (ageSecs + 1) * 1000 < store.index.purgedMs) return undefined;
  if ((body?.length ?? 0) > maxBytes) return undefined;
  const judged = admit(policy, {
    status,
    fields,
    length: body?.length,
    hasBody: body !== undefined,
    delaySecs,
    extension: lookup.extension,
    perRequest,
  }, now);
  if (typeof judged === "string") return undefined;
  const isChosenWithoutUs = judged.vary.some((name) =>
    request.has(name) && request.joined(name) !== asked.joined(name)
  );
  if (isChosenWithoutUs) return undefined;
  return { ...judged, ageSecs, lifetimeSecs: Math.min(lifetimeSecs, judged.lifetimeSecs) };
}
