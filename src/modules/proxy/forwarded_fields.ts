/**
 * What services beside the upstream, auth services and mirrors, get of a request: the fields that
 * their `forward_headers` name (spec 02 sections 9.8 and 9.9).
 *
 * @module
 */
import type { Problem } from "../../config/types.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Fields } from "../../http/fields.ts";
import { CLIENT_ADDRESS_FIELDS, dashed, HOP_BY_HOP_FIELDS } from "../headers/table.ts";

/** Who says what a field holds. */
type Source = (exchange: Exchange) => string;

const uri: Source = (exchange) => exchange.target;
const method: Source = (exchange) => exchange.method;
const address: Source = (exchange) => exchange.clientAddress;

/** Names that hold the gateway's word, whatever the client sent under them, with `_` for `-` too. */
const SYNTHESIZED: ReadonlyMap<string, Source> = new Map([
  ["x-original-uri", uri],
  ["x-forwarded-uri", uri],
  ["x-auth-request-redirect", uri],
  // Beyond the 1.5 line: copied from the client, these would let it choose what is checked.
  ["x-original-method", method],
  ["x-forwarded-method", method],
  ["x-forwarded-for", address],
  ["x-real-ip", address],
  ["x-forwarded-host", (exchange) => exchange.authority],
  ["x-forwarded-proto", (exchange) => exchange.connection.tls === undefined ? "http" : "https"],
]);

/** Names under which a client may claim an address, and that the gateway has no word of its own for. */
export const CLAIMED_ADDRESS_FIELDS: readonly string[] = CLIENT_ADDRESS_FIELDS
  .filter((name) => !SYNTHESIZED.has(name));

/** Fields that every request and answer has its own of. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  "content-length",
  "expect",
  "http2-settings",
]);

/** Whether the gateway writes a question's field `name` itself, beside those of its connection. */
function isOwn(name: string): boolean {
  return CONNECTION_FIELDS.has(dashed(name)) || dashed(name) === "cache-control";
}

/** The fields of one `forward_headers`, compiled. */
export class ForwardedFields {
  readonly #fields: readonly (readonly [name: string, source: Source | undefined])[];
  readonly #sendsHost: boolean;

  /** @param withheld Names that are not sent although they are listed, in whichever spelling. */
  constructor(names: readonly string[], withheld: readonly string[]) {
    this.#fields = names
      .filter((name) => !isOwn(name) && name !== "host" && !withheld.includes(dashed(name)))
      .map((name) => [name, SYNTHESIZED.get(dashed(name))]);
    this.#sendsHost = names.includes("host");
  }

  /** Writes them into `fields`; repeated lines are joined, and what is empty is left out. */
  write(exchange: Exchange, fields: Fields): void {
    for (const [name, source] of this.#fields) {
      const value = source === undefined
        ? exchange.request.joined(name, name === "cookie" ? "; " : ", ")
        : source(exchange);
      if (value !== undefined && value !== "") fields.append(name, value);
    }
  }

  /** `Host` of the question: the client's where it is listed, else `own`. */
  authority(exchange: Exchange, own: string): string {
    return this.#sendsHost && exchange.authority !== "" ? exchange.authority : own;
  }
}

/** Warnings for entries of a `forward_headers` that say nothing. @param key The list's. */
export function forwardWarnings(names: readonly string[], key: string): Problem[] {
  return withoutEffect(names, key, isOwn);
}

/** Warnings for entries of an `allow_response_headers` that bring nothing. @param key The list's. */
export function copyWarnings(names: readonly string[], key: string): Problem[] {
  return withoutEffect(names, key, (name) => CONNECTION_FIELDS.has(name) || name === "host");
}

/** A file of 1.5 may list any token, so these load; but a warning says that they have no effect. */
function withoutEffect(
  names: readonly string[],
  key: string,
  isInert: (name: string) => boolean,
): Problem[] {
  return names.flatMap((name, index) =>
    !isInert(name) ? [] : [{
      key: `${key}[${index}]`,
      message: `"${name}" has no effect: the gateway writes this field itself`,
      warning: true,
    }]
  );
}
