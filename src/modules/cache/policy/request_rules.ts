/**
 * Which requests the cache is for (spec 04 sections 3.2 and 3.3).
 *
 * @module
 */
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { trimBlanks } from "../../../http/chars.ts";
import type { ReadonlyFields } from "../../../http/fields.ts";
import { percentDecode } from "../../../http/percent.ts";
import type { CacheConfig } from "../schema.ts";
import { readCacheControl, saysNoStore } from "./cache_control.ts";

/** Why a request is set aside. */
export type BypassReason =
  | "upgrade"
  | "request-authorization"
  | "request-proxy-authorization"
  | "request-path"
  | "request-header"
  | "request-header-value"
  | "request-cookie"
  | "request-query"
  | "request-no-store"
  | "method-head";

/** What a request's own fields ask of the cache. */
export interface Wishes {
  readonly refresh: boolean;
  readonly onlyIfCached: boolean;
}

const NO_WISHES: Wishes = { refresh: false, onlyIfCached: false };

/** The predicates of one table, compiled. */
export class RequestRules {
  readonly #prefixes: readonly string[];
  readonly #exact: ReadonlySet<string>;
  readonly #headers: ReadonlySet<string>;
  readonly #headerValues: ReadonlyMap<string, string>;
  readonly #cookies: ReadonlySet<string>;
  readonly #cookiePrefixes: readonly string[];
  readonly #cookieValues: ReadonlyMap<string, string>;
  readonly #query: boolean;
  readonly #params: ReadonlySet<string>;
  readonly #paramValues: ReadonlyMap<string, string>;
  readonly #looksAtCookies: boolean;
  readonly #looksAtParams: boolean;

  constructor(config: CacheConfig) {
    this.#prefixes = config.bypass_path_prefixes;
    this.#exact = new Set(config.bypass_path_exact);
    this.#headers = new Set(config.bypass_request_headers);
    this.#headerValues = new Map(Object.entries(config.bypass_request_header_values));
    this.#cookies = new Set(config.bypass_cookie_names);
    this.#cookiePrefixes = config.bypass_cookie_name_prefixes;
    this.#cookieValues = new Map(Object.entries(config.bypass_cookie_values));
    this.#query = config.bypass_query;
    this.#params = new Set(config.bypass_query_params);
    this.#paramValues = new Map(Object.entries(config.bypass_query_values));
    this.#looksAtCookies = this.#cookies.size + this.#cookiePrefixes.length +
        this.#cookieValues.size > 0;
    this.#looksAtParams = this.#params.size + this.#paramValues.size > 0;
  }

  /** Rows 2 to 11 of section 3.2; `undefined` when no rule sets the request aside. */
  bypass(
    exchange: Pick<Exchange, "request" | "method" | "path" | "query">,
  ): BypassReason | undefined {
    const { request, path, query } = exchange;
    const early = this.#ofFields(request);
    if (early === "upgrade" || early === "request-authorization") return early;
    if (early === "request-proxy-authorization") return early;
    if (this.#exact.has(path)) return "request-path";
    for (const prefix of this.#prefixes) if (path.startsWith(prefix)) return "request-path";
    if (early !== undefined && early !== "request-no-store") return early;
    if (this.#looksAtCookies && request.has("cookie") && this.#hasCookie(request)) {
      return "request-cookie";
    }
    if (query !== undefined && query !== "") {
      if (this.#query || this.#looksAtParams && this.#hasParam(query)) return "request-query";
    }
    if (early === "request-no-store") return early;
    return exchange.method === "HEAD" ? "method-head" : undefined;
  }

  /** The first rule about fields that holds, in the order of the table. */
  #ofFields(request: ReadonlyFields): BypassReason | undefined {
    const { names, values } = request;
    let found: BypassReason | undefined;
    let rank = RANKS.length;
    for (let i = 0; i < names.length; i++) {
      const reason = this.#ofField(names[i], values[i], request);
      if (reason === undefined) continue;
      const at = RANKS.indexOf(reason);
      if (at < rank) {
        rank = at;
        found = reason;
      }
    }
    return found;
  }

  #ofField(name: string, value: string, request: ReadonlyFields): BypassReason | undefined {
    switch (name) {
      case "upgrade":
        return "upgrade";
      case "authorization":
        return "request-authorization";
      case "proxy-authorization":
        return "request-proxy-authorization";
      case "cache-control":
        if (value.toLowerCase().includes("no-store") && saysNoStore(request)) {
          return this.#headers.has(name) ? "request-header" : "request-no-store";
        }
    }
    if (this.#headers.has(name)) return "request-header";
    return this.#headerValues.get(name) === value ? "request-header-value" : undefined;
  }

  #hasCookie(request: ReadonlyFields): boolean {
    for (const line of request.all("cookie")) {
      for (const pair of line.split(";")) {
        const at = pair.indexOf("=");
        if (at < 0) continue;
        const name = trimBlanks(pair.slice(0, at));
        if (name === "") continue;
        if (this.#cookies.has(name)) return true;
        if (this.#cookieValues.get(name) === pair.slice(at + 1)) return true;
        for (const prefix of this.#cookiePrefixes) if (name.startsWith(prefix)) return true;
      }
    }
    return false;
  }

  #hasParam(query: string): boolean {
    for (const pair of query.split("&")) {
      const at = pair.indexOf("=");
      const name = at < 0 ? pair : pair.slice(0, at);
      if (name === "") continue;
      const value = at < 0 ? "" : pair.slice(at + 1);
      for (const spelled of [name, percentDecode(name) ?? name]) {
        if (this.#params.has(spelled)) return true;
        const wanted = this.#paramValues.get(spelled);
        if (wanted === undefined) continue;
        if (wanted === value || wanted === percentDecode(value)) return true;
      }
    }
    return false;
  }
}

/** Order of the rules about fields. */
const RANKS: readonly BypassReason[] = [
  "upgrade",
  "request-authorization",
  "request-proxy-authorization",
  "request-header",
  "request-header-value",
  "request-no-store",
];

/** What the client asks of a cache, beyond `no-store`. */
export function wishesOf(request: ReadonlyFields): Wishes {
  const { names } = request;
  for (let i = 0; i < names.length; i++) {
    if (names[i] === "cache-control" || names[i] === "pragma") return readWishes(request);
  }
  return NO_WISHES;
}

function readWishes(request: ReadonlyFields): Wishes {
  const control = readCacheControl(request);
  const isRead = control !== undefined && !control.isInvalid;
  const isPragma = (request.joined("pragma") ?? "").toLowerCase().includes("no-cache");
  return {
    refresh: isPragma || isRead && (control.noCache || control.maxAge === 0),
    onlyIfCached: isRead && control.onlyIfCached,
  };
}
