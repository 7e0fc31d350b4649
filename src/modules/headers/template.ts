/**
 * Header values made of text and values of the request: `{scheme}://{host}` (spec 02 section 6.2).
 *
 * @module
 */
import { splitBraces } from "../../config/schema/templates/braces.ts";
import { parseCapture } from "../../config/schema/templates/rewrite_template.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { isToken, trimBlanks } from "../../http/chars.ts";

/** Where in a policy a value stands; the grammar differs a little. */
export type TemplatePlace = "set" | "append";

/** Gives a piece of a value; `""` when the request has no such thing. */
type Source = (exchange: Exchange) => string;

/** Values of every request, by variable. */
const SOURCES: Readonly<Record<string, Source>> = {
  // As sent, port included: what an upstream needs to build its own URLs.
  host: (exchange) => exchange.authority,
  remote_addr: (exchange) => exchange.clientAddress,
  scheme: (exchange) => schemeOf(exchange),
  uri: (exchange) => exchange.target,
  path: (exchange) => exchange.path,
  query: (exchange) => exchange.query ?? "",
  request_id: (exchange) => exchange.requestId,
};

/** Values of the TLS connection. */
const TLS_SOURCES: Readonly<Record<string, Source>> = {
  "tls.cipher": ({ connection }) => connection.tls?.cipher ?? "",
  "tls.version": ({ connection }) => connection.tls?.version ?? "",
  "tls.client_cert_sha256": ({ connection }) => connection.tls?.client?.sha256 ?? "",
  "tls.client_cert_serial": ({ connection }) => connection.tls?.client?.serial ?? "",
  "tls.client_cert_organization": ({ connection }) =>
    toByteString(connection.tls?.client?.organization ?? ""),
};

/** Where the client is, as the GeoIP databases have it. */
const GEO_SOURCES: Readonly<Record<string, Source>> = {
  "geo.country": ({ findings }) => findings.country,
  "geo.asn": ({ findings: { asn } }) => asn === null ? "" : String(asn),
};

/**
 * What the gateway vouches for. An appended value would be beside what the client itself claims in a
 * field of that name, and one that comes out empty would leave the claim alone.
 */
const VOUCHED_SOURCES: Readonly<Record<string, Source>> = { ...TLS_SOURCES, ...GEO_SOURCES };

/** The variables of `text` that need `geoip.enabled`. */
export function placeVariables(text: string): string[] {
  const pieces = splitBraces(text) ?? [];
  return pieces.filter(({ variable, text: name }) => variable && Object.hasOwn(GEO_SOURCES, name))
    .map(({ text: name }) => `{${name}}`);
}

/** `http` or `https`, by the connection itself. */
export function schemeOf(exchange: Exchange): "http" | "https" {
  return exchange.connection.tls === undefined ? "http" : "https";
}

/** What is wrong with a value, beginning with `must`, or `undefined`. */
export function templateProblem(text: string, place: TemplatePlace): string | undefined {
  const pieces = splitBraces(text);
  if (pieces === undefined) return "must close every { with a }";
  for (const { variable, text: name } of pieces) {
    if (!variable) continue;
    if (Object.hasOwn(VOUCHED_SOURCES, name)) {
      if (place === "append") {
        return `must not use {${name}}: TLS and geo variables stand in set only, where nothing the ` +
          "client sent stands beside them";
      }
    } else if (sourceOf(name) === undefined) {
      return `must use known variables only; {${name}} is not one of ${VARIABLES}`;
    }
  }
  return undefined;
}

const VARIABLES = [...Object.keys(SOURCES), ...Object.keys(VOUCHED_SOURCES), "http.<name>"]
  .map((name) => `{${name}}`).join(" ") + " {route.regex.N} {route.regex.<name>}";

/** A compiled value. */
export class ValueTemplate {
  readonly #parts: readonly (string | Source)[];

  /**
   * @param text A value that {@linkcode templateProblem} finds no fault with.
   * @param isHidden Whether a variable, such as `http.X-Real-IP`, renders as nothing.
   */
  constructor(text: string, isHidden: (variable: string) => boolean = () => false) {
    this.#parts = (splitBraces(text) ?? []).map(({ variable, text: piece }) => {
      if (!variable) return toByteString(piece);
      return isHidden(piece) ? "" : sourceOf(piece) ?? "";
    });
  }

  /** The value when it is the same for every request, else `undefined`. */
  get constant(): string | undefined {
    let text = "";
    for (const part of this.#parts) {
      if (typeof part !== "string") return undefined;
      text += part;
    }
    return text;
  }

  /** The value for a request; control characters of inserted values are left out. */
  render(exchange: Exchange): string {
    let text = "";
    for (const part of this.#parts) {
      text += typeof part === "string" ? part : withoutControls(part(exchange));
    }
    return trimBlanks(text);
  }
}

function sourceOf(variable: string): Source | undefined {
  if (Object.hasOwn(SOURCES, variable)) return SOURCES[variable];
  if (Object.hasOwn(VOUCHED_SOURCES, variable)) return VOUCHED_SOURCES[variable];
  if (variable.startsWith("http.")) return fieldSource(variable.slice("http.".length));
  const capture = parseCapture(variable);
  if (capture?.kind === "index") {
    const { index } = capture;
    return ({ captures }) => captures?.byIndex[index] ?? "";
  }
  if (capture?.kind === "name") {
    const { name } = capture;
    return ({ captures }) => captures?.byName.get(name) ?? "";
  }
  return undefined;
}

function fieldSource(name: string): Source | undefined {
  if (!isToken(name)) return undefined;
  const field = name.toLowerCase();
  const separator = field === "cookie" ? "; " : ", ";
  return ({ request }) => request.joined(field, separator) ?? "";
}

/** Drops C0 controls and DEL; a text without any is returned as it is. */
function withoutControls(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) return text.replace(CONTROLS, "");
  }
  return text;
}

// deno-lint-ignore no-control-regex -- these are what is looked for
const CONTROLS = /[\x00-\x1f\x7f]/g;

const encoder = new TextEncoder();

/** UTF-8 with one character a byte, which is how field values are kept. ASCII stays as it is. */
export function toByteString(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) {
      return String.fromCharCode(...encoder.encode(text));
    }
  }
  return text;
}
