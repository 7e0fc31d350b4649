/**
 * Templates of redirect targets: `https://example.com{uri}` (spec 02 section 5.1). The configuration
 * checks them; the gateway takes them apart once and expands the parts for each request.
 *
 * @module
 */
import { normalizeHost } from "../host.ts";
import { hasControl } from "../../read/text.ts";
import { splitBraces } from "./braces.ts";
import { parseCapture, type RewritePart } from "./rewrite_template.ts";

/**
 * What a request puts into a redirect target: path and query, path, query without `?`, or the host that was
 * asked for, without its port. The host, captures, and targets without scheme and host are ours, beyond 1.5.
 */
export type RedirectVariable = "uri" | "path" | "query" | "host";

/** A piece of a target: text as it is, a value of the request, or a capture of the route's `path_regex`. */
export type RedirectPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: RedirectVariable }
  | { readonly kind: "capture"; readonly capture: Capture };

/** A capture by number or by name. */
export type Capture = Exclude<RewritePart, { kind: "text" }>;

const VARIABLES: readonly string[] = ["uri", "path", "query", "host"] satisfies RedirectVariable[];

/** Stands for the host of the request where a target is checked. */
const ANY_HOST = "host.invalid";

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

/** Whether a target has captures of a `path_regex`. */
export function hasCaptures(text: string): boolean {
  return parseTemplate(text).some(({ kind }) => kind === "capture");
}

function read(text: string): readonly RedirectPart[] | string {
  const scheme = /^https?:\/\//.exec(text)?.[0];
  const isRelative = /^(\/(?!\/)|\{(path|uri)\})/.test(text);
  if (scheme === undefined && !isRelative) {
    return 'must begin with http:// or https://, or, on the same host, with one "/", {path} or {uri}';
  }
  if (/[\s\\]/.test(text) || hasControl(text)) {
    return "must have no white space, control characters or backslashes";
  }
  const pieces = splitBraces(text);
  if (pieces === undefined) return "must close every { with a }";
  const parts: RedirectPart[] = [];
  for (const piece of pieces) {
    const part = piece.variable
      ? variable(piece.text)
      : { kind: "text", text: piece.text } as const;
    if (part === undefined) {
      return "must use no other variables than {uri}, {path}, {query}, {host}, {route.regex.N} with N " +
        "from 0 to 15, and {route.regex.name}";
    }
    parts.push(part);
  }
  const start = scheme?.length ?? 0;
  if (scheme !== undefined) {
    const problem = authorityProblem(text.slice(start).replaceAll("{host}", ANY_HOST));
    if (problem !== undefined) return problem;
  }
  return pathProblem(text, start) ?? parts;
}

function variable(name: string): RedirectPart | undefined {
  if (isVariable(name)) return { kind: name };
  const capture = parseCapture(name);
  return capture === undefined || capture.kind === "text"
    ? undefined
    : { kind: "capture", capture };
}

/** The authority ends at the first `/`, `?` or `#`, or where a variable brings its own `/`. */
function authorityProblem(afterScheme: string): string | undefined {
  const end = afterScheme.search(/[/?#{]/);
  const authority = end < 0 ? afterScheme : afterScheme.slice(0, end);
  if (authority.includes("@")) return "must have no user information before the host";
  if (end >= 0 && afterScheme.startsWith("{query}", end)) {
    return "must not have {query} in the host and port";
  }
  // A client that wrote part of the host would choose where others are sent.
  if (end >= 0 && afterScheme.startsWith("{route.", end)) {
    return 'must not have a capture in the host and port: put a "/" before it';
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
  const afterScheme = text.slice(schemeLength).replaceAll("{host}", "host");
  const path = afterScheme.slice(afterScheme.search(/[/?#{]|$/)).replace(/[?#].*$/, "");
  if (/\/\{(path|uri)\}/.test(path)) {
    return 'must not have "/" before {path} or {uri}, which begin with one: write https://host{uri}';
  }
  const segments = path.replace(/\{(path|uri)\}/g, "/v").replace(/\{[^}]*\}/g, "v")
    .split("/").slice(1);
  const doubled = segments.some((segment, i) => segment === "" && i < segments.length - 1);
  if (doubled || segments.some((segment) => segment === "." || segment === "..")) {
    return 'must have no "//", "." or ".." in its path';
  }
  return undefined;
}

function isVariable(name: string): name is RedirectVariable {
  return VARIABLES.includes(name);
}
