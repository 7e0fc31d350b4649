/**
 * Templates of redirect targets: `https://example.com{uri}` (spec 02 section 5.1). The configuration
 * checks them; the gateway takes them apart once and expands the parts for each request.
 *
 * @module
 */
import { normalizeHost } from "./host.ts";
import { hasControl } from "../read/text.ts";
import { splitBraces } from "./braces.ts";

/** What a request puts into a redirect target: path and query, path, or query without `?`. */
export type RedirectVariable = "uri" | "path" | "query";

/** A piece of a target: text as it is, or a value of the request. */
export type RedirectPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: RedirectVariable };

const VARIABLES: readonly string[] = ["uri", "path", "query"] satisfies RedirectVariable[];

/**
 * The parts of a target in order.
 *
 * @throws {TypeError} For a text that {@linkcode redirectTemplateProblem} finds fault with.
 */
export function parseTemplate(text: string): readonly RedirectPart[] {
  const parts = read(text);
  if (typeof parts === "string") throw new TypeError(`redirect target ${parts}: ${text}`);
  return parts;
}

/** What is wrong with a target, beginning with `must`, or `undefined`. */
export function redirectTemplateProblem(text: string): string | undefined {
  const parts = read(text);
  return typeof parts === "string" ? parts : undefined;
}

function read(text: string): readonly RedirectPart[] | string {
  const scheme = /^https?:\/\//.exec(text)?.[0];
  if (scheme === undefined) return "must begin with http:// or https://";
  if (/[\s\\]/.test(text) || hasControl(text)) {
    return "must have no white space, control characters or backslashes";
  }
  const pieces = splitBraces(text);
  if (pieces === undefined) return "must close every { with a }";
  const parts: RedirectPart[] = [];
  for (const piece of pieces) {
    if (!piece.variable) parts.push({ kind: "text", text: piece.text });
    else if (isVariable(piece.text)) parts.push({ kind: piece.text });
    else return "must use no other variables than {uri}, {path} and {query}";
  }
  return authorityProblem(text.slice(scheme.length)) ?? pathProblem(text, scheme.length) ?? parts;
}

/** The authority ends at the first `/`, `?` or `#`, or where a variable brings its own `/`. */
function authorityProblem(afterScheme: string): string | undefined {
  const end = afterScheme.search(/[/?#{]/);
  const authority = end < 0 ? afterScheme : afterScheme.slice(0, end);
  if (authority.includes("@")) return "must have no user information before the host";
  if (end >= 0 && afterScheme.startsWith("{query}", end)) {
    return "must not have {query} in the host and port";
  }
  const bareIpv6 = !authority.startsWith("[") &&
    authority.indexOf(":") !== authority.lastIndexOf(":");
  if (bareIpv6 || normalizeHost(authority) === undefined) {
    return "must name a host, or a host and port";
  }
  return undefined;
}

/** `{path}` and `{uri}` begin with `/`, so a `/` before them would make an empty segment. */
function pathProblem(text: string, schemeLength: number): string | undefined {
  const afterScheme = text.slice(schemeLength);
  const path = afterScheme.slice(afterScheme.search(/[/?#{]|$/)).replace(/[?#].*$/, "");
  if (/\/\{(path|uri)\}/.test(path)) {
    return 'must not have "/" before {path} or {uri}, which begin with one: write https://host{uri}';
  }
  const segments = path.replace(/\{(path|uri|query)\}/g, "/v").split("/").slice(1);
  const doubled = segments.some((segment, i) => segment === "" && i < segments.length - 1);
  if (doubled || segments.some((segment) => segment === "." || segment === "..")) {
    return 'must have no "//", "." or ".." in its path';
  }
  return undefined;
}

function isVariable(name: string): name is RedirectVariable {
  return VARIABLES.includes(name);
}
