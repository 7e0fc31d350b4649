/** `X-Accel-Expires`: a script's word to caches, as it is translated (spec 07 section 15). @module */
import { formatHttpDate } from "../../../http/content/dates.ts";
import type { Fields } from "../../../http/fields.ts";

const FIELD = "x-accel-expires";
const CACHE_FIELDS = ["cache-control", "expires", "pragma"];

/** Longest time that makes sense: a cache must read a longer one as this (RFC 9111 section 1.2.2). */
const MAX_SECS = 2 ** 31 - 1;

/**
 * Takes the field out of `fields` and writes what it stands for.
 *
 * @param nowMs Time of day: milliseconds since 1970.
 */
export function translateExpires(fields: Fields, nowMs: number): void {
  const value = fields.get(FIELD);
  if (value === undefined) return;
  fields.delete(FIELD);
  const secs = readExpires(value, nowMs);
  // What the script itself withholds from caches stays withheld.
  if (secs === undefined || isRestrictive(fields)) return;
  for (const name of CACHE_FIELDS) fields.delete(name);
  if (secs === 0) {
    fields.append("cache-control", "no-store, private");
    fields.append("expires", formatHttpDate(0));
    return;
  }
  const scope = fields.has("set-cookie") ? "private" : "public";
  fields.append("cache-control", `${scope}, max-age=${secs}`);
  fields.append("expires", formatHttpDate(nowMs + secs * 1000));
}

/** Takes out the fields with which the script speaks to caches on the way. */
export function dropCacheFields(fields: Fields): void {
  for (const name of CACHE_FIELDS) fields.delete(name);
}

/** Seconds from now; `undefined` where the field says nothing. */
function readExpires(text: string, nowMs: number): number | undefined {
  const value = text.trim();
  if (/^-?\d{1,18}$/.test(value)) return bounded(Number(value));
  if (/^@\d{1,18}$/.test(value)) return bounded(Number(value.slice(1)) - Math.floor(nowMs / 1000));
  return undefined;
}

function bounded(secs: number): number {
  return Math.min(Math.max(secs, 0), MAX_SECS);
}

function isRestrictive(fields: Fields): boolean {
  const directives = fields.joined("cache-control")?.toLowerCase() ?? "";
  const pragma = fields.joined("pragma")?.toLowerCase() ?? "";
  return /(^|[,\s])(private|no-store|no-cache)($|[,\s=])/.test(directives) ||
    /(^|[,\s])no-cache($|[,\s])/.test(pragma);
}
