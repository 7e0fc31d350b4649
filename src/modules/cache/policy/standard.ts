/**
 * Admission by the standard alone, for `mode = "rfc9111"`: any path, type and status that RFC 9111 lets a shared
 * cache store. Two of its permissions are not used, because a mistake would show one client's answer to others:
 * answers with `Set-Cookie` and requests with credentials are never stored.
 *
 * @module
 */
import { parseHttpDate } from "../../../http/content/dates.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import { varyFields } from "../key/vary.ts";
import type { AdmissionRules, Admitted, Arrived, Rejection } from "./judgement.ts";
import { type CacheControl, readCacheControl, readTargeted } from "./cache_control.ts";
import { freshnessOf, ruledTtl } from "./freshness.ts";

/** Statuses that this cache knows what they mean (RFC 9111 section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200,
  203,
  204,
  300,
  301,
  302,
  303,
  307,
  308,
  404,
  405,
  410,
  414,
  451,
  501,
]);

/** Statuses whose lifetime may be guessed (RFC 9110 section 15.1). */
const HEURISTIC: ReadonlySet<number> = new Set([
  200,
  203,
  204,
  300,
  301,
  308,
  404,
  405,
  410,
  414,
  501,
]);
/** A guess is a tenth of the time since the last change (RFC 9111 section 4.2.2), and at most a day. */
const HEURISTIC_SHARE = 0.1;
const MAX_HEURISTIC_SECS = 86_400;

/** Judges an answer whose fields have been hidden already. */
export function admitStandard(
  rules: AdmissionRules,
  answer: Arrived,
  nowMs: number,
): Admitted | Rejection {
  const { fields, status } = answer;
  const targeted = readTargeted(fields);
  const control = targeted ?? readCacheControl(fields);
  const refused = refusedBy(rules, answer, control);
  if (refused !== undefined) return refused;
  const vary = varyFields(fields, rules.vary, answer.perRequest);
  if (typeof vary === "string") return vary;
  const stated = freshnessOf(
    rules,
    { ...answer, control, isTargeted: targeted !== undefined },
    nowMs,
  );
  const isRuled = ruledTtl(rules, status) !== undefined;
  const guessed = HEURISTIC.has(status) || control?.public === true
    ? heuristicLifetime(fields, nowMs)
    : undefined;
  const needsValidation = control?.noCache === true && control.noCacheFields === undefined;
  const lifetimeSecs = needsValidation && !isRuled ? 0 : stated.lifetimeSecs ?? guessed;
  if (lifetimeSecs === undefined) return "OriginNotCache";
  const isValidatable = fields.has("etag") || fields.has("last-modified");
  if (lifetimeSecs <= stated.ageSecs && !isValidatable) return "zero-freshness";
  if (answer.length !== undefined && answer.length > rules.maxObjectBytes) {
    return "ResponseTooLarge";
  }
  const mayBeStale = isRuled || !needsValidation;
  return {
    ...stated,
    lifetimeSecs,
    staleWhileRevalidateSecs: mayBeStale ? stated.staleWhileRevalidateSecs : 0,
    staleIfErrorSecs: mayBeStale ? stated.staleIfErrorSecs : 0,
    vary,
    withheld: [...control?.noCacheFields ?? [], ...control?.privateFields ?? []],
  };
}

function refusedBy(
  rules: AdmissionRules,
  { status, fields }: Arrived,
  control: CacheControl | undefined,
): Rejection | undefined {
  if (status === 206) return "range-response";
  if (status < 200 || status === 304) return "status-not-cacheable";
  if (fields.has("set-cookie")) return "set-cookie";
  for (const name of rules.noStoreHeaders) {
    if (fields.has(name)) return "configured-no-store-response-header";
  }
  for (const [name, value] of rules.noStoreValues) {
    if (fields.all(name).includes(value)) return "configured-no-store-response-header-value";
  }
  if (control === undefined) return undefined;
  if (control.isInvalid) return "cache-control-invalid";
  // An answer that must be understood says `no-store` to caches that do not.
  if (control.mustUnderstand) {
    if (!UNDERSTOOD.has(status)) return "status-not-cacheable";
  } else if (control.noStore) return "cache-control-no-store";
  return control.private && control.privateFields === undefined
    ? "cache-control-private"
    : undefined;
}

function heuristicLifetime(fields: ReadonlyFields, nowMs: number): number | undefined {
  const changed = parseHttpDate(fields.get("last-modified") ?? "", nowMs);
  if (changed === undefined) return undefined;
  const date = parseHttpDate(fields.get("date") ?? "", nowMs) ?? nowMs;
  const secs = Math.floor((date - changed) / 1000 * HEURISTIC_SHARE);
  return Math.min(MAX_HEURISTIC_SECS, Math.max(0, secs));
}
