/**
 * What a request says: header fields, and the query beside them (spec 06 part A2). Both are taken as they
 * came, without any decoding but that octets of a field are UTF-8 where they can be; bodies are not read.
 *
 * @module
 */
import type { HttpExchange } from "../../../http/exchange.ts";

const TRUTHY = ["1", "true", "yes", "on"];

/** The inputs of one request. */
export class Inputs {
  readonly #exchange: HttpExchange;
  #pairs: readonly (readonly [key: string, value: string])[] | undefined;

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange;
  }

  /**
   * The value of the header field, or else of the first of `keys` that the query has.
   *
   * @param header In any case.
   */
  value(header: string, ...keys: readonly string[]): string | undefined {
    const field = this.#exchange.request.get(header.toLowerCase());
    if (field !== undefined) return decoded(field);
    for (const key of keys) {
      const pair = this.#query.find(([name]) => name === key);
      if (pair !== undefined) return pair[1];
    }
    return undefined;
  }

  /** Whether the header field or one of `keys` is truthy. */
  flag(header: string, ...keys: readonly string[]): boolean {
    const field = this.#exchange.request.get(header.toLowerCase());
    if (field !== undefined && isTruthy(field)) return true;
    return keys.some((key) => isTruthy(this.#query.find(([name]) => name === key)?.[1] ?? ""));
  }

  /** Every value that the query has for `key`, in order. */
  all(key: string): readonly string[] {
    return this.#query.flatMap(([name, value]) => name === key ? [value] : []);
  }

  get #query(): readonly (readonly [key: string, value: string])[] {
    if (this.#pairs !== undefined) return this.#pairs;
    const pairs: [string, string][] = [];
    const query = this.#exchange.query?.split("#", 1)[0] ?? "";
    for (const part of query.split("&")) {
      const at = part.indexOf("=");
      if (at >= 0) pairs.push([part.slice(0, at), part.slice(at + 1)]);
    }
    return this.#pairs = pairs;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A field has octets, and names of vhosts and messages are text: a client sends `größer` in UTF-8. */
function decoded(field: string): string {
  if (/^[\0-\x7f]*$/.test(field)) return field;
  try {
    return utf8.decode(Uint8Array.from(field, (octet) => octet.charCodeAt(0)));
  } catch {
    return field;
  }
}

function isTruthy(value: string): boolean {
  return TRUTHY.includes(value.trim().toLowerCase());
}
