/**
 * How long an answer is fresh, and for how long after that it may be served stale (spec 04 section 5.3).
 *
 * @module
 */
import { parseHttpDate } from "../../../http/content/dates.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import { type CacheControl, deltaSeconds, MAX_SECONDS } from "./cache_control.ts";

/** What a cache table says about lifetimes. */
export interface FreshnessRules {
  /** Lifetime by status. */
  readonly statusTtls: ReadonlyMap<number, number>;
  readonly defaultTtlSecs: number | undefined;
  readonly staleWhileRevalidateSecs: number | undefined;
  readonly staleIfErrorSecs: number | undefined;
  /** The standard alone: the upstream's own windows hold where there are none here (RFC 5861). */
  readonly isStandard?: boolean;
}

/** An answer as far as its freshness goes. */
export interface Dated {
  readonly status: number;
  readonly fields: ReadonlyFields;
  readonly control: CacheControl | undefined;
  /** `control` is for shared caches of this kind: `Expires` does not count (RFC 9213). */
  readonly isTargeted?: boolean;
  /** From the request to the head, in seconds. */
  readonly delaySecs: number;
}

/** How long an answer may be used. */
export interface Freshness {
  /** Seconds of freshness from its creation on; `undefined` when nothing says so. */
  readonly lifetimeSecs: number | undefined;
  /** Its age when it arrived. */
  readonly ageSecs: number;
  /** Windows after the end of freshness; 0 for none. */
  readonly staleWhileRevalidateSecs: number;
  readonly staleIfErrorSecs: number;
}

/** The lifetime that the operator gives a status: never to errors by the default (amendments). */
export function ruledTtl(rules: FreshnessRules, status: number): number | undefined {
  return rules.statusTtls.get(status) ?? (status < 400 ? rules.defaultTtlSecs : undefined);
}

/** The freshness of an answer that has just arrived. */
export function freshnessOf(rules: FreshnessRules, answer: Dated, nowMs: number): Freshness {
  const { fields, control } = answer;
  const ttl = ruledTtl(rules, answer.status);
  const own = rules.isStandard === true ? control : undefined;
  const staleIfErrorSecs = rules.staleIfErrorSecs ?? own?.staleIfError ?? 0;
  const staleWhileRevalidateSecs = rules.staleWhileRevalidateSecs ?? own?.staleWhileRevalidate ?? 0;
  // The operator's lifetime starts at arrival, whatever the answer says about its age.
  if (ttl !== undefined) {
    return { lifetimeSecs: ttl, ageSecs: 0, staleWhileRevalidateSecs, staleIfErrorSecs };
  }
  const mayBeStale = control === undefined ||
    !(control.mustRevalidate || control.proxyRevalidate || control.sMaxage !== undefined);
  return {
    lifetimeSecs: statedLifetime(fields, control, nowMs, answer.isTargeted === true),
    ageSecs: ageAtArrival(answer, nowMs),
    staleWhileRevalidateSecs: mayBeStale ? staleWhileRevalidateSecs : 0,
    staleIfErrorSecs: mayBeStale ? staleIfErrorSecs : 0,
  };
}

function statedLifetime(
  fields: ReadonlyFields,
  control: CacheControl | undefined,
  nowMs: number,
  isTargeted: boolean,
): number | undefined {
  const stated = control?.sMaxage ?? control?.maxAge;
  if (stated !== undefined || isTargeted) return stated;
  const expires = fields.get("expires");
  if (expires === undefined) return undefined;
  const until = fields.count("expires") > 1 ? undefined : parseHttpDate(expires, nowMs);
  if (until === undefined) return 0;
  const from = dateOf(fields, nowMs) ?? nowMs;
  return Math.min(MAX_SECONDS, Math.max(0, Math.floor((until - from) / 1000)));
}

/** RFC 9111 section 4.2.3. */
function ageAtArrival({ fields, delaySecs }: Dated, nowMs: number): number {
  const stated = deltaSeconds(fields.get("age") ?? "") ?? 0;
  const date = dateOf(fields, nowMs);
  const apparent = date === undefined ? 0 : Math.max(0, (nowMs - date) / 1000);
  return Math.max(apparent, stated + delaySecs);
}

function dateOf(fields: ReadonlyFields, nowMs: number): number | undefined {
  const date = fields.get("date");
  return date === undefined ? undefined : parseHttpDate(date, nowMs);
}
