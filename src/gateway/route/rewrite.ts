/**
 * The path a route serves or forwards, made from the one that was asked for (spec 02 section 4.5). The
 * query is left alone.
 *
 * @module
 */
import {
  parseRewriteTemplate,
  type RewritePart,
} from "../../config/schema/templates/rewrite_template.ts";
import { percentEncodeLiteral, percentEncodePath } from "../../http/percent.ts";
import type { Captures } from "../exchange/exchange.ts";
import { isSafePath, isSafeWithSlashes } from "./path_safety.ts";

/** What is read of a route. */
export interface PathRewrite {
  readonly strip_prefix?: string | undefined;
  readonly rewrite_prefix?: string | undefined;
  readonly rewrite_template?: string | undefined;
  readonly encoded_slashes?: boolean | undefined;
}

/**
 * Gives the new path.
 *
 * @param path The path asked for, as sent and safe.
 * @param captures Of the route's `path_regex`, if it has one.
 * @returns `undefined` when the result is not a safe path: the request is refused as `bad request`.
 */
export type Rewrite = (path: string, captures: Captures | undefined) => string | undefined;

/** Compiles a route's rewrite, or gives `undefined` when the path stays as it is. */
export function compileRewrite(route: PathRewrite): Rewrite | undefined {
  if (route.rewrite_template !== undefined) return fromTemplate(route.rewrite_template);
  if (route.strip_prefix === undefined) return undefined;
  const isSafe = route.encoded_slashes === true ? isSafeWithSlashes : isSafePath;
  return strip(route.strip_prefix, route.rewrite_prefix, isSafe);
}

/**
 * Takes `prefix` off and puts `replacement` there. A path that is not under `prefix` stays as it is,
 * which happens when the prefix to strip is longer than the one that is matched.
 */
function strip(
  prefix: string,
  replacement = "/",
  isSafe: (path: string) => boolean,
): Rewrite {
  const length = prefix.endsWith("/") ? prefix.length - 1 : prefix.length;
  const directory = prefix.slice(0, length) + "/";
  // Without its slash at the end: the remainder begins with one.
  const before = percentEncodeLiteral(replacement).replace(/\/+$/, "");
  return (path) => {
    let rest: string;
    if (path === prefix) rest = "/";
    else if (path.startsWith(directory)) rest = path.slice(length);
    else return path;
    // What is left of a safe path is safe; only the joint has to be looked at.
    if (before === "") return rest;
    const joined = before + rest;
    return isSafe(joined) ? joined : undefined;
  };
}

function fromTemplate(template: string): Rewrite {
  const parts = parseRewriteTemplate(template).map((part): RewritePart =>
    part.kind === "text" ? { kind: "text", text: percentEncodeLiteral(part.text) } : part
  );
  return (_path, captures) => {
    let made = "";
    for (const part of parts) made += part.kind === "text" ? part.text : capture(part, captures);
    return isSafePath(made) ? made : undefined;
  };
}

function capture(
  part: Exclude<RewritePart, { kind: "text" }>,
  captures: Captures | undefined,
): string {
  const text = part.kind === "index"
    ? captures?.byIndex[part.index]
    : captures?.byName.get(part.name);
  return text === undefined ? "" : percentEncodePath(text);
}
