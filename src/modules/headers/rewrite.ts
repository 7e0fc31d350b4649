/**
 * Public names in place of an upstream's own: in `Location`, `Refresh` and `Set-Cookie` of its answers
 * (spec 02 section 6.3). In each list the first rule that matches is taken.
 *
 * @module
 */
import { trimBlanks } from "../../http/chars.ts";
import type { Fields } from "../../http/fields.ts";
import type { RewriteRule, RewriteSettings } from "./merge.ts";

/** Compiled rewrites; absent kinds cost nothing. */
export class ResponseRewrites {
  readonly #rules: RewriteSettings;
  readonly #cookies: boolean;

  constructor(rules: RewriteSettings) {
    this.#rules = rules;
    this.#cookies = rules.cookieDomain.length > 0 || rules.cookiePath.length > 0;
  }

  /** Whether there is no rule at all. */
  get empty(): boolean {
    const { location, refresh } = this.#rules;
    return location.length === 0 && refresh.length === 0 && !this.#cookies;
  }

  /** Rewrites the fields of an answer in place. */
  apply({ names, values }: Fields): void {
    const { location, refresh } = this.#rules;
    for (let i = 0; i < names.length; i++) {
      switch (names[i]) {
        case "location":
          values[i] = rewriteUrl(values[i], location);
          break;
        case "refresh":
          values[i] = rewriteRefresh(values[i], refresh);
          break;
        case "set-cookie":
          if (this.#cookies) values[i] = this.#cookie(values[i]);
      }
    }
  }

  #cookie(value: string): string {
    const parts = value.split(";");
    for (let i = 1; i < parts.length; i++) {
      const equals = parts[i].indexOf("=");
      if (equals < 0) continue;
      const name = parts[i].slice(0, equals);
      const given = parts[i].slice(equals + 1);
      const attribute = trimBlanks(name).toLowerCase();
      let made: string | undefined;
      if (attribute === "domain") made = domainFor(given, this.#rules.cookieDomain);
      else if (attribute === "path") made = pathFor(given, this.#rules.cookiePath);
      if (made !== undefined) parts[i] = `${name}=${made}`;
    }
    return parts.join(";");
  }
}

/** The URL that stands for `url`, or `url` itself. */
function rewriteUrl(url: string, rules: readonly RewriteRule[]): string {
  for (const { from, to } of rules) {
    if (!url.startsWith(from)) continue;
    const rest = url.slice(from.length);
    // What follows an origin must not become part of its host: neither `http://app` of
    // `http://app.example`, nor `https://example.com` and `ment` put together.
    const ends = rest === "" || "/?#".includes(rest[0]);
    if (ends || !(isOrigin(from) || isOrigin(to))) return joined(to, rest);
  }
  return url;
}

/** What browsers take for a slash, and what they overlook in front of one (URL standard section 4.4). */
const SLASHES = "/\\\t";

/**
 * A prefix and what follows it, with one slash where both bring some: `/` and `/app.example` together
 * would name a host.
 */
function joined(to: string, rest: string): string {
  if (!to.endsWith("/")) return to + rest;
  let at = 0;
  while (at < rest.length && SLASHES.includes(rest[at])) at++;
  return to + rest.slice(at);
}

/** Whether a URL prefix has no path. */
function isOrigin(prefix: string): boolean {
  return !prefix.startsWith("/") && prefix.indexOf("/", prefix.indexOf("//") + 2) < 0;
}

/** Rewrites the URL after `url=`; the delay and a quote stay as they are. */
function rewriteRefresh(value: string, rules: readonly RewriteRule[]): string {
  if (rules.length === 0) return value;
  let at = value.toLowerCase().indexOf("url");
  if (at < 0) return value;
  at = skipBlanks(value, at + "url".length);
  if (value[at] !== "=") return value;
  at = skipBlanks(value, at + 1);
  if (value[at] === '"' || value[at] === "'") at++;
  return value.slice(0, at) + rewriteUrl(value.slice(at), rules);
}

function skipBlanks(text: string, at: number): number {
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

/** The domain for a cookie, or `undefined` when no rule is about it. */
function domainFor(given: string, rules: readonly RewriteRule[]): string | undefined {
  const domain = plainDomain(given);
  return rules.find(({ from }) => plainDomain(from) === domain)?.to;
}

function plainDomain(text: string): string {
  return unquoted(text).replace(/^\./, "").toLowerCase();
}

/** The path for a cookie, or `undefined` when no rule is about it. */
function pathFor(given: string, rules: readonly RewriteRule[]): string | undefined {
  const path = unquoted(given);
  const rule = rules.find(({ from }) => path.startsWith(from));
  return rule === undefined ? undefined : joined(rule.to, path.slice(rule.from.length));
}

function unquoted(text: string): string {
  return trimBlanks(text).replace(/^"(.*)"$/, "$1");
}
