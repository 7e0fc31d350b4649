/**
 * What a route asks of a request beside its path and method (`[vhosts.routes.match]`), compiled. Each part is
 * compared with at most one star: in linear time, whatever a client sends.
 *
 * @module
 */
import type { MatchConfig } from "../../config/schema/match_schema.ts";
import { trimBlanks } from "../../http/chars.ts";
import { percentDecode } from "../../http/percent.ts";
import { parseIp } from "../../net/ip.ts";
import { IpSet } from "../../net/ip_set.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** Whether a route may take a request, as far as it is not about the path. */
export type RouteCondition = (exchange: Exchange) => boolean;

/** The client's address; a decision never waits, so one is enough. */
const words = new Uint32Array(4);

const VERSIONS: Readonly<Record<string, number>> = { "http/1.0": 10, "http/1.1": 11, "h2": 20 };

/** The condition of a table; `undefined` where everything holds. */
export function compileCondition(match: MatchConfig | undefined): RouteCondition | undefined {
  if (match === undefined) return undefined;
  const parts = [...partsOf(match)];
  if (parts.length === 0) return undefined;
  if (parts.length === 1) return parts[0];
  return (exchange) => {
    for (let i = 0; i < parts.length; i++) if (!parts[i](exchange)) return false;
    return true;
  };
}

function* partsOf(match: MatchConfig): Generator<RouteCondition> {
  const { scheme } = match;
  if (scheme !== undefined) {
    yield ({ connection }) => (connection.tls === undefined) === (scheme === "http");
  }
  const versions = match.protocols.map((name) => VERSIONS[name]);
  if (versions.length > 0) yield ({ version }) => versions.includes(version);
  if (match.clients.length > 0) {
    const clients = IpSet.of(match.clients);
    yield ({ clientAddress }) => {
      const family = parseIp(clientAddress, words);
      return family !== 0 && clients.hasWords(family, words);
    };
  }
  for (const [name, text] of Object.entries(match.headers)) {
    const field = name.toLowerCase();
    const pattern = new Pattern(text);
    yield ({ request }) => pattern.takes(request.joined(field));
  }
  for (const [name, text] of Object.entries(match.queries)) {
    const pattern = new Pattern(text);
    yield ({ query }) => query !== undefined && hasParameter(query, name, pattern);
  }
  for (const [name, text] of Object.entries(match.cookies)) {
    const pattern = new Pattern(text);
    yield ({ request }) => hasCookie(request.joined("cookie", "; "), name, pattern);
  }
}

/** A value with at most one star, which stands for any characters. */
class Pattern {
  readonly #before: string;
  /** `undefined` for a value that is compared as it is. */
  readonly #after: string | undefined;

  constructor(text: string) {
    const star = text.indexOf("*");
    this.#before = star < 0 ? text : text.slice(0, star);
    this.#after = star < 0 ? undefined : text.slice(star + 1);
  }

  takes(value: string | undefined): boolean {
    if (value === undefined) return false;
    if (this.#after === undefined) return value === this.#before;
    return value.length >= this.#before.length + this.#after.length &&
      value.startsWith(this.#before) && value.endsWith(this.#after);
  }
}

function hasParameter(query: string, name: string, pattern: Pattern): boolean {
  for (let at = 0; at <= query.length;) {
    const end = endOf(query, "&", at);
    const equals = query.indexOf("=", at);
    const hasValue = equals >= 0 && equals < end;
    if (decoded(query.slice(at, hasValue ? equals : end)) === name) {
      if (pattern.takes(hasValue ? decoded(query.slice(equals + 1, end)) : "")) return true;
    }
    at = end + 1;
  }
  return false;
}

/** As forms write them; what cannot be decoded stays as it is. */
function decoded(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  return percentDecode(spaced) ?? spaced;
}

function hasCookie(cookies: string | undefined, name: string, pattern: Pattern): boolean {
  if (cookies === undefined) return false;
  for (let at = 0; at < cookies.length;) {
    const end = endOf(cookies, ";", at);
    const equals = cookies.indexOf("=", at);
    if (equals >= 0 && equals < end && trimBlanks(cookies.slice(at, equals)) === name) {
      if (pattern.takes(trimBlanks(cookies.slice(equals + 1, end)))) return true;
    }
    at = end + 1;
  }
  return false;
}

function endOf(text: string, separator: string, at: number): number {
  const end = text.indexOf(separator, at);
  return end < 0 ? text.length : end;
}
