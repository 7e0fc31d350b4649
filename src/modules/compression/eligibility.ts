/**
 * Which answers may be compressed (spec 02 section 12). Two kinds of rules: compressing must be worth
 * it, and it must not leak. A body in which a secret of the client is beside what an attacker can
 * put into a request reveals the secret by its compressed length (BREACH); so nothing is compressed that
 * could depend on the client.
 *
 * @module
 */
import { trimBlanks } from "../../http/chars.ts";
import type { Fields, ReadonlyFields } from "../../http/fields.ts";

/** Media types besides `text/*` that are text in fact. */
const TEXT_TYPES: ReadonlySet<string> = new Set([
  "application/javascript",
  "application/json",
  "application/xml",
  "image/svg+xml",
]);

/** `Cache-Control` directives that forbid changing the answer, or say that it is for one client. */
const FORBIDDING: ReadonlySet<string> = new Set(["no-transform", "private", "no-store"]);

/** Whether the request has nothing that identifies the client. */
export function isAnonymous(request: ReadonlyFields): boolean {
  return !request.has("cookie") && !request.has("authorization");
}

/**
 * Whether the fields of a 200 answer allow compressing it.
 *
 * @param mediaType The type where no field names one.
 * @param isPart It is a 206, which as a part is not compressed itself.
 */
export function isCompressible(response: Fields, mediaType = "", isPart = false): boolean {
  const { names, values } = response;
  let isText = isTextType(mediaType);
  for (let i = 0; i < names.length; i++) {
    switch (names[i]) {
      case "content-type":
        isText = isTextType(values[i]);
        if (!isText) return false;
        break;
      case "content-encoding":
        if (values[i].toLowerCase() !== "identity") return false;
        break;
      case "cache-control":
        if (forbidsTransforming(values[i])) return false;
        break;
      case "content-range":
        if (!isPart) return false;
        break;
      case "set-cookie":
        return false;
    }
  }
  return isText;
}

/** Whether a media type, with or without parameters, is one of text. */
export function isTextType(value: string): boolean {
  const end = value.indexOf(";");
  const essence = trimBlanks(end < 0 ? value : value.slice(0, end)).toLowerCase();
  return essence.startsWith("text/") || TEXT_TYPES.has(essence);
}

/** Whether one of the directives is in {@linkcode FORBIDDING}, with or without an argument. */
function forbidsTransforming(value: string): boolean {
  // Most values are one or two plain directives: look closer only where there is reason to.
  const lower = value.toLowerCase();
  if (!lower.includes("no-") && !lower.includes("private")) return false;
  // Quoted arguments may hold commas, and words that look like directives.
  const plain = withoutQuoted(lower);
  if (plain === undefined) return true;
  for (const directive of plain.split(",")) {
    const end = directive.indexOf("=");
    if (FORBIDDING.has(trimBlanks(end < 0 ? directive : directive.slice(0, end)))) return true;
  }
  return false;
}

/** `value` less its quoted strings (RFC 9110 section 5.6.4); `undefined` where one is never closed. */
function withoutQuoted(value: string): string | undefined {
  let plain = "";
  let from = 0;
  for (let open = value.indexOf('"'); open >= 0; open = value.indexOf('"', from)) {
    const close = closingQuote(value, open);
    if (close < 0) return undefined;
    plain += value.slice(from, open);
    from = close + 1;
  }
  return plain + value.slice(from);
}

/** Where the string ends that begins at `open`, or -1. */
function closingQuote(value: string, open: number): number {
  for (let i = open + 1; i < value.length; i++) {
    if (value[i] === "\\") i++;
    else if (value[i] === '"') return i;
  }
  return -1;
}
