/**
 * The key of an object: what a request asks for, as bytes that two different requests cannot share (spec 04
 * section 4.1).
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { splitAuthority } from "../../../http/authority.ts";

/** Kind of a key of proxied content; also what `cache-key` prints as its namespace. */
export const IMAGE_KIND = "fluxheim-image-v1";

/** Which components keys have. */
export interface KeyRules {
  readonly namespace: string | undefined;
  readonly parts: readonly ("method" | "host" | "path" | "query")[];
  readonly includeQuery: boolean;
}

/** What a key is made of. */
export interface Identity {
  readonly scheme: string;
  readonly port: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/** Makes the keys of one cache. */
export class KeyMaker {
  readonly #head: string;
  readonly #parts: KeyRules["parts"];

  constructor({ namespace, parts, includeQuery }: KeyRules) {
    this.#head = `${IMAGE_KIND};` +
      (namespace === undefined ? "" : component("namespace", namespace));
    this.#parts = parts.filter((part) => part !== "query" || includeQuery);
  }

  /** The primary key. Characters are bytes. */
  primary(identity: Identity): string {
    return this.#head + component("scheme", identity.scheme) + component("port", identity.port) +
      this.#rest(identity);
  }

  /** The primary key without scheme and port: what objects of all schemes and ports have in common. */
  loose(identity: Identity): string {
    return this.#head + this.#rest(identity);
  }

  #rest(identity: Identity): string {
    let key = "";
    for (const part of this.#parts) key += component(part, identity[part]);
    return key;
  }
}

/** The primary key of which `loose` is what is left without scheme and port. */
export function primaryOf(loose: string, scheme: string, port: string): string {
  let at = IMAGE_KIND.length + 1;
  const namespace = /^namespace:([0-9]+):/.exec(loose.slice(at, at + 32));
  if (namespace !== null) at += namespace[0].length + Number(namespace[1]) + 1;
  return loose.slice(0, at) + component("scheme", scheme) + component("port", port) +
    loose.slice(at);
}

/** One component of a key. */
export function component(label: string, value: string): string {
  return label + ":" + value.length + ":" + value + ";";
}

const DEFAULT_PORTS = { http: "80", https: "443" };

/** What `exchange` asks for. Its host is the one that it was routed by. */
export function identityOf(exchange: Exchange): Identity {
  const scheme = exchange.connection.tls === undefined ? "http" : "https";
  return {
    scheme,
    port: portOf(exchange.authority) || DEFAULT_PORTS[scheme],
    method: exchange.method,
    host: exchange.host,
    path: exchange.path,
    query: exchange.query ?? "",
  };
}

/** The authority that a fill for `identity` carries: the same one for every client that has its key. */
export function canonicalAuthority({ scheme, host, port }: Identity): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === DEFAULT_PORTS[scheme as "http" | "https"] ? name : `${name}:${port}`;
}

function portOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.endsWith("]")) return "";
  const port = splitAuthority(authority)?.port;
  return port === undefined ? "" : String(port);
}

/**
 * SHA-256 over kind, scope, primary key and variance, each with its length: the name of an object wherever one
 * is shown or lies on disk.
 */
export function fullKey(userTag: string, primary: string, variance: Uint8Array): string {
  const hash = createHash("sha256");
  for (const part of [IMAGE_KIND, userTag, primary]) {
    hash.update(`${part.length}:`).update(part, "latin1");
  }
  hash.update(`${variance.length}:`).update(variance);
  return hash.digest("hex");
}

/** SHA-256 of a primary key. */
export function primaryHash(primary: string): string {
  return createHash("sha256").update(primary, "latin1").digest("hex");
}
