/**
 * `Cache-Control` of requests and answers (spec 04 section 5.4), read strictly: what cannot be read in one way
 * only is not a permission to store.
 *
 * @module
 */
import { TOKEN } from "../../../http/chars.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";

/** Most bytes and directives of all field lines together. */
const MAX_BYTES = 16 * 1024;
const MAX_DIRECTIVES = 128;

/** Larger numbers of seconds are this one (RFC 9111 section 1.2.2). */
export const MAX_SECONDS: number = 2 ** 31 - 1;

/** What is read of `Cache-Control`. */
export class CacheControl {
  /** It cannot be read, or says a known directive twice. */
  isInvalid = false;
  noStore = false;
  noCache = false;
  private = false;
  mustRevalidate = false;
  proxyRevalidate = false;
  onlyIfCached = false;
  mustUnderstand = false;
  public = false;
  /** Fields that `no-cache` and `private` name, lower case; `undefined` where they name none. */
  noCacheFields: readonly string[] | undefined = undefined;
  privateFields: readonly string[] | undefined = undefined;
  maxAge: number | undefined = undefined;
  sMaxage: number | undefined = undefined;
  staleWhileRevalidate: number | undefined = undefined;
  staleIfError: number | undefined = undefined;
}

/** Directives with a number of seconds. */
const SECONDS: ReadonlyMap<string, "maxAge" | "sMaxage" | "staleWhileRevalidate" | "staleIfError"> =
  new Map([
    ["max-age", "maxAge"],
    ["s-maxage", "sMaxage"],
    ["stale-while-revalidate", "staleWhileRevalidate"],
    ["stale-if-error", "staleIfError"],
  ]);

/** Directives that are there or not. An argument, as in `private="x"`, makes no difference. */
const FLAGS: ReadonlyMap<
  string,
  | "noStore"
  | "noCache"
  | "private"
  | "mustRevalidate"
  | "proxyRevalidate"
  | "onlyIfCached"
  | "mustUnderstand"
  | "public"
> = new Map([
  ["no-store", "noStore"],
  ["no-cache", "noCache"],
  ["private", "private"],
  ["must-revalidate", "mustRevalidate"],
  ["proxy-revalidate", "proxyRevalidate"],
  ["only-if-cached", "onlyIfCached"],
  ["must-understand", "mustUnderstand"],
  ["public", "public"],
]);

/** Reads all lines of `Cache-Control` as one; `undefined` when there is none. */
export function readCacheControl(fields: ReadonlyFields): CacheControl | undefined {
  const text = fields.joined("cache-control");
  return text === undefined ? undefined : parse(text);
}

/** `CDN-Cache-Control` (RFC 9213), which takes the place of `Cache-Control`; `undefined` where it cannot be read. */
export function readTargeted(fields: ReadonlyFields): CacheControl | undefined {
  const text = fields.joined("cdn-cache-control");
  const control = text === undefined || text.trim() === "" ? undefined : parse(text);
  return control?.isInvalid === true ? undefined : control;
}

/** Whether an unquoted `no-store` stands anywhere in a field that cannot be read (spec 04 section 3.4). */
export function saysNoStore(fields: ReadonlyFields): boolean {
  const text = fields.joined("cache-control") ?? "";
  return text.replaceAll(/"(?:[^"\\]|\\.)*"?/g, "").toLowerCase().split(/[,;\s]+/)
    .some((word) => word === "no-store" || word.startsWith("no-store="));
}

function parse(text: string): CacheControl {
  const control = new CacheControl();
  const reader = new Reader(text);
  if (text.length > MAX_BYTES) reader.isInvalid = true;
  const seen = new Set<string>();
  for (let count = 0; !reader.isInvalid && reader.next(); count++) {
    const { name, value } = reader;
    if (count === MAX_DIRECTIVES || !apply(control, seen, name, value)) reader.isInvalid = true;
  }
  control.isInvalid = reader.isInvalid;
  return control;
}

/** Takes one directive; returns whether it is allowed. */
function apply(
  control: CacheControl,
  seen: Set<string>,
  name: string,
  value: string | undefined,
): boolean {
  const flag = FLAGS.get(name);
  const number = SECONDS.get(name);
  if (flag === undefined && number === undefined) return true;
  if (seen.has(name)) return false;
  seen.add(name);
  if (flag !== undefined) {
    control[flag] = true;
    if (flag === "noCache") control.noCacheFields = fieldsIn(value);
    if (flag === "private") control.privateFields = fieldsIn(value);
    return true;
  }
  const seconds = value === undefined ? undefined : deltaSeconds(value);
  if (number === undefined || seconds === undefined) return false;
  control[number] = seconds;
  return true;
}

/** The names in an argument; `undefined` where there are none, or something that is not a name. */
function fieldsIn(value: string | undefined): readonly string[] | undefined {
  const names = value?.split(",").map((name) => name.trim().toLowerCase());
  return names?.every((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) === true
    ? names
    : undefined;
}

/** A number of plain digits; `undefined` for anything else. */
export function deltaSeconds(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  return Math.min(MAX_SECONDS, Number(text));
}

/** Goes through a list of directives. */
class Reader {
  name = "";
  value: string | undefined = undefined;
  isInvalid = false;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads the next directive; returns whether there is one. */
  next(): boolean {
    this.#skip(", \t");
    if (this.#at === this.#text.length) return false;
    this.name = this.#token().toLowerCase();
    this.value = undefined;
    if (this.name === "") return this.#fail();
    this.#skip(" \t");
    if (this.#text[this.#at] === "=") {
      this.#at++;
      this.#skip(" \t");
      this.value = this.#text[this.#at] === '"' ? this.#quoted() : this.#token();
      if (this.value === "" || this.value === undefined) return this.#fail();
      this.#skip(" \t");
    }
    return this.#at === this.#text.length || this.#text[this.#at] === "," || this.#fail();
  }

  #fail(): false {
    this.isInvalid = true;
    return false;
  }

  #skip(what: string): void {
    while (this.#at < this.#text.length && what.includes(this.#text[this.#at])) this.#at++;
  }

  #token(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && TOKEN[this.#text.charCodeAt(this.#at)] === 1) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** `undefined` where the string does not end. */
  #quoted(): string | undefined {
    let value = "";
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '"') {
        this.#at++;
        return value;
      }
      if (char === "\\") this.#at++;
      value += this.#text[this.#at] ?? "";
    }
    return undefined;
  }
}
