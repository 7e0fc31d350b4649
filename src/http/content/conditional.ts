/**
 * Conditional requests (RFC 9110 section 13): what the preconditions of a request say about the
 * representation found, and whether a `Range` may be honoured.
 *
 * @module
 */
import { trimBlanks } from "../chars.ts";
import { parseHttpDate } from "./dates.ts";
import type { ReadonlyFields } from "../fields.ts";

/** Validators: what distinguishes a representation. */
export interface Validators {
  /** As sent in `ETag`: `"..."` or `W/"..."`; `undefined` when there is none. */
  readonly etag: string | undefined;
  /** As sent in `Last-Modified`: milliseconds since 1970, whole seconds; `undefined` when not known. */
  readonly modifiedMs: number | undefined;
}

/**
 * Whether a request carries a field that this file reads. One pass, so that a plain request for a file
 * in memory pays next to nothing.
 */
export function isConditional(request: ReadonlyFields): boolean {
  const { names } = request;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const initial = name.charCodeAt(0);
    if (initial === 105 /* i */) {
      if (name.startsWith("if-")) return true;
    } else if (initial === 114 /* r */ && name === "range") return true;
  }
  return false;
}

/**
 * `If-Match`, else `If-Unmodified-Since` (RFC 9110 section 13.2.2, steps 1 and 2).
 *
 * @returns Whether the request may go on; otherwise its answer is 412.
 */
export function preconditionHolds(request: ReadonlyFields, validators: Validators): boolean {
  const match = request.joined("if-match");
  if (match !== undefined) return matchesTag(match, validators.etag, strongMatch);
  const since = request.joined("if-unmodified-since");
  if (since === undefined || validators.modifiedMs === undefined) return true;
  const date = parseHttpDate(since);
  return date === undefined || validators.modifiedMs <= date;
}

/**
 * `If-None-Match`, else `If-Modified-Since` (RFC 9110 section 13.2.2, steps 3 and 4). For GET and HEAD.
 *
 * @returns Whether the client has this representation already; the answer is then 304.
 */
export function isNotModified(request: ReadonlyFields, validators: Validators): boolean {
  const match = request.joined("if-none-match");
  if (match !== undefined) return matchesTag(match, validators.etag, weakMatch);
  const since = request.joined("if-modified-since");
  if (since === undefined || validators.modifiedMs === undefined) return false;
  const date = parseHttpDate(since);
  return date !== undefined && validators.modifiedMs <= date;
}

/**
 * Whether the client wants a fresh answer rather than a 304: `Cache-Control` with `no-cache`,
 * `no-store` or `max-age=0`, or `Pragma: no-cache` (spec 02 section 7.3).
 */
export function wantsFresh(request: ReadonlyFields): boolean {
  const { names, values } = request;
  for (let i = 0; i < names.length; i++) {
    if (names[i] === "cache-control") {
      if (hasDirective(values[i], FRESH_DIRECTIVES)) return true;
    } else if (names[i] === "pragma" && hasDirective(values[i], PRAGMA_DIRECTIVES)) return true;
  }
  return false;
}

/**
 * Whether a `Range` still means the representation found (RFC 9110 section 13.1.5): there is no
 * `If-Range`, or its strong tag is the representation's, or its date is exactly that of the last change.
 * A weak tag never matches; neither does a later date, which an older version may have been put back after.
 */
export function rangeStillMeans(request: ReadonlyFields, validators: Validators): boolean {
  const value = request.joined("if-range");
  if (value === undefined) return true;
  if (isTag(value)) return validators.etag !== undefined && strongMatch(value, validators.etag);
  const date = parseHttpDate(value);
  return date !== undefined && validators.modifiedMs === date;
}

/** Whether a range is asked for under a condition that is no tag, and so at best a date. */
export function isDated(request: ReadonlyFields): boolean {
  const value = request.joined("if-range");
  return value !== undefined && !isTag(value);
}

function isTag(value: string): boolean {
  return value.startsWith('"') || value.startsWith("W/");
}

const FRESH_DIRECTIVES = ["no-cache", "no-store", "max-age=0"];
const PRAGMA_DIRECTIVES = ["no-cache"];

function hasDirective(value: string, directives: readonly string[]): boolean {
  if (!value.includes(",")) return directives.includes(value.toLowerCase());
  for (const directive of value.split(",")) {
    if (directives.includes(trimBlanks(directive).toLowerCase())) return true;
  }
  return false;
}

type Comparison = (given: string, own: string) => boolean;

/** RFC 9110 section 8.8.3.2. */
const strongMatch: Comparison = (given, own) => given === own && given.startsWith('"');
const weakMatch: Comparison = (given, own) => opaque(given) === opaque(own);

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

/** Looks for `own` in a list of entity tags, or for `*`; stops at the first thing that is no tag. */
function matchesTag(list: string, own: string | undefined, matches: Comparison): boolean {
  if (list === "*") return true;
  if (own === undefined) return false;
  for (let at = nextItem(list, 0); at < list.length;) {
    const quote = list.startsWith("W/", at) ? at + 2 : at;
    const end = list[quote] === '"' ? list.indexOf('"', quote + 1) : -1;
    if (end < 0) return false;
    if (matches(list.slice(at, end + 1), own)) return true;
    at = nextItem(list, end + 1);
  }
  return false;
}

/** The next place that is neither a comma nor white space. */
function nextItem(list: string, at: number): number {
  while (list[at] === "," || list[at] === " " || list[at] === "\t") at++;
  return at;
}
