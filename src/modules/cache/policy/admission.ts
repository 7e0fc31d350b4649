/**
 * Which answers may be stored (spec 04 sections 5.1 and 5.2), and how those that the cache takes part in are
 * rewritten.
 *
 * @module
 */
import type { Fields } from "../../../http/fields.ts";
import type { ByteRange } from "../../../http/content/ranges.ts";
import { contentRange } from "./content_range.ts";
import { varyFields } from "../key/vary.ts";
import { type CacheControl, readCacheControl } from "./cache_control.ts";
import { freshnessOf, type FreshnessRules, ruledTtl } from "./freshness.ts";
import type { AdmissionRules, Admitted, Arrived, ByStatus, Rejection } from "./judgement.ts";
import { fitsExtension } from "./paths.ts";
import { admitStandard } from "./standard.ts";

export type { Admitted, ByStatus, Rejection } from "./judgement.ts";

/** Refusals by the operator's own rules: they say nothing about the upstream (spec 04 section 6.6). */
const OPERATORS: ReadonlySet<Rejection> = new Set([
  "configured-no-store-response-header",
  "configured-no-store-response-header-value",
]);

/** Whether the upstream itself has refused, so that it is worth remembering. */
export function isOrigins(rejection: Rejection): boolean {
  return !OPERATORS.has(rejection);
}

/**
 * Rewrites an answer that the cache takes part in, and judges it. Its fields are afterwards as the client gets
 * them and the cache stores them.
 */
export function admit(rules: AdmissionRules, answer: Arrived, nowMs: number): Admitted | Rejection {
  const { fields, status } = answer;
  for (const name of rules.hidden) fields.delete(name);
  if (rules.config.ignore_origin_cache_headers) {
    fields.delete("cache-control");
    fields.delete("expires");
  }
  if (rules.isStandard === true && answer.part === undefined) {
    return withLifetime(rules, answer, admitStandard(rules, answer, nowMs));
  }
  const control = readCacheControl(fields);
  const rejection = refusedBy(rules, answer, control);
  if (rejection !== undefined) return rejection;
  const vary = varyFields(fields, rules.vary, answer.perRequest);
  if (typeof vary === "string") return vary;
  const freshness = freshnessOf(rules, { ...answer, control }, nowMs);
  const ttl = ruledTtl(rules, status);
  if (ttl !== undefined) setLifetime(rules, fields, ttl);
  else if (control !== undefined) setWindows(rules, fields);
  const { lifetimeSecs } = freshness;
  if (lifetimeSecs === undefined) return "OriginNotCache";
  if (lifetimeSecs <= freshness.ageSecs) return "zero-freshness";
  if (answer.length !== undefined && answer.length > rules.maxObjectBytes) {
    return "ResponseTooLarge";
  }
  const isEmpty = !answer.hasBody || answer.length === 0;
  if (isEmpty && !rules.statusTtls.has(status)) return "empty-body";
  return { ...freshness, lifetimeSecs, vary };
}

/** What clients get is rewritten where the operator gives a lifetime. */
function withLifetime(
  rules: AdmissionRules,
  { status, fields }: Arrived,
  judged: Admitted | Rejection,
): Admitted | Rejection {
  const ttl = ruledTtl(rules, status);
  if (typeof judged !== "string" && ttl !== undefined) setLifetime(rules, fields, ttl);
  return judged;
}

/** Row 1. */
function refusedAsPart(
  { status, fields, length }: Arrived,
  part: ByteRange,
): Rejection | undefined {
  if (status !== 206) return "range-cache-non-partial";
  const sent = contentRange(fields);
  if (sent === undefined || sent.first !== part.first || sent.last !== part.last) {
    return "range-cache-content-range";
  }
  return length === part.last - part.first + 1 ? undefined : "range-cache-content-length";
}

/** Rows 1 to 10. */
function refusedBy(
  rules: AdmissionRules,
  answer: Arrived,
  control: CacheControl | undefined,
): Rejection | undefined {
  const { status, fields, extension, part } = answer;
  const refused = part && refusedAsPart(answer, part);
  if (refused !== undefined) return refused;
  const isContent = status === 200 || part !== undefined;
  if (status === 206 && part === undefined) return "range-response";
  if (status < 200 || status === 304) return "status-not-cacheable";
  if (!isContent && ruledTtl(rules, status) === undefined) return "status-not-cacheable";
  if (isContent) {
    const type = essenceOf(fields.get("content-type"));
    if (type === undefined) return "content-type-missing";
    if (fields.count("content-type") > 1 || !rules.isStandard && !isAllowed(rules, type)) {
      return "content-type-not-cacheable";
    }
    if (!fitsExtension(extension, type)) return "content-type-not-cacheable";
  }
  if (fields.has("set-cookie")) return "set-cookie";
  for (const name of rules.noStoreHeaders) {
    if (fields.has(name)) return "configured-no-store-response-header";
  }
  for (const [name, value] of rules.noStoreValues) {
    if (fields.all(name).includes(value)) return "configured-no-store-response-header-value";
  }
  return control === undefined ? undefined : refusedByControl(control);
}

function refusedByControl(control: CacheControl): Rejection | undefined {
  if (control.isInvalid) return "cache-control-invalid";
  if (control.noStore) return "cache-control-no-store";
  if (control.private) return "cache-control-private";
  if (control.noCache) return "cache-control-no-cache";
  return control.maxAge === 0 || control.sMaxage === 0 ? "cache-control-zero-freshness" : undefined;
}

/** A media type without its parameters, lower case. */
export function essenceOf(type: string | undefined): string | undefined {
  if (type === undefined) return undefined;
  const end = type.indexOf(";");
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

function isAllowed({ types, typePrefixes }: ByStatus, type: string): boolean {
  return types.has(type) || typePrefixes.some((prefix) => type.startsWith(prefix));
}

/** Step 3 of section 5.1. */
function setLifetime(rules: FreshnessRules, fields: Fields, secs: number): void {
  fields.delete("expires");
  fields.set("cache-control", `max-age=${secs}${windows(rules)}`);
}

/** Step 4: the windows of the operator replace those of the upstream. */
function setWindows(rules: FreshnessRules, fields: Fields): void {
  const added = windows(rules);
  const value = fields.joined("cache-control");
  if (added === "" || value === undefined) return;
  const replaced: RegExp[] = [];
  if (rules.staleWhileRevalidateSecs !== undefined) replaced.push(WHILE_REVALIDATE);
  if (rules.staleIfErrorSecs !== undefined) replaced.push(IF_ERROR);
  const kept = replaced.reduce((text, pattern) => text.replaceAll(pattern, ""), value)
    .split(",").map((part) => part.trim()).filter((part) => part !== "").join(", ");
  fields.set("cache-control", kept === "" ? added.slice(2) : kept + added);
}

const WHILE_REVALIDATE = /stale-while-revalidate\s*=\s*(?:"[^"]*"|[0-9]+)/gi;
const IF_ERROR = /stale-if-error\s*=\s*(?:"[^"]*"|[0-9]+)/gi;

function windows({ staleWhileRevalidateSecs, staleIfErrorSecs }: FreshnessRules): string {
  return (staleWhileRevalidateSecs === undefined
    ? ""
    : `, stale-while-revalidate=${staleWhileRevalidateSecs}`) +
    (staleIfErrorSecs === undefined ? "" : `, stale-if-error=${staleIfErrorSecs}`);
}
