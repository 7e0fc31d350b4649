/**
 * Templates that make a new path of the captures of a `path_regex` (spec 02 sections 4, 4.3).
 *
 * @module
 */
import { splitBraces } from "./braces.ts";
import { hasControl } from "../../read/text.ts";

/** A piece of the new path: text as it is, or a capture by number or by name. */
export type RewritePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "name"; readonly name: string };

/** Highest capture number a template may use; 0 is the whole match. */
const MAX_CAPTURE_INDEX = 15;
const MAX_CAPTURE_NAME_BYTES = 64;
const PREFIX = "route.regex.";

/**
 * The parts of a template in order.
 *
 * @throws {TypeError} For a text that {@linkcode rewriteTemplateProblem} finds fault with.
 */
export function parseRewriteTemplate(text: string): readonly RewritePart[] {
  const parts = read(text);
  if (typeof parts === "string") throw new TypeError(`rewrite template ${parts}: ${text}`);
  return parts;
}

/** What is wrong with a template, beginning with `must`, or `undefined`. */
export function rewriteTemplateProblem(text: string): string | undefined {
  const parts = read(text);
  return typeof parts === "string" ? parts : undefined;
}

/** The capture that a variable such as `route.regex.1` or `route.regex.name` stands for. */
export function parseCapture(variable: string): RewritePart | undefined {
  if (!variable.startsWith(PREFIX)) return undefined;
  const key = variable.slice(PREFIX.length);
  if (/^(0|[1-9][0-9]?)$/.test(key)) {
    return Number(key) <= MAX_CAPTURE_INDEX ? { kind: "index", index: Number(key) } : undefined;
  }
  const named = /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) && key.length <= MAX_CAPTURE_NAME_BYTES;
  return named ? { kind: "name", name: key } : undefined;
}

function read(text: string): readonly RewritePart[] | string {
  if (!text.startsWith("/")) return 'must begin with "/"';
  if (/[\\?#%\s]/.test(text) || hasControl(text)) {
    return 'must have no "\\", "?", "#", "%", white space or control characters';
  }
  const pieces = splitBraces(text);
  if (pieces === undefined) return "must close every { with a }";
  const parts: RewritePart[] = [];
  for (const piece of pieces) {
    const part = piece.variable
      ? parseCapture(piece.text)
      : { kind: "text", text: piece.text } as const;
    if (part === undefined) {
      return "must use no other variables than {route.regex.N} with N from 0 to 15 " +
        "and {route.regex.name}";
    }
    parts.push(part);
  }
  return parts;
}
