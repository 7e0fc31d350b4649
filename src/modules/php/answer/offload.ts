/**
 * `X-Accel-Redirect` and `X-Sendfile`: a script lets the gateway send a file (spec 07 section 15).
 *
 * @module
 */
import type { Fields } from "../../../http/fields.ts";
import { percentDecode, percentEncodePath } from "../../../http/percent.ts";

const REDIRECT = "x-accel-redirect";
const SENDFILE = "x-sendfile";

/** What a script asks for: a path below the root, or a status to refuse it with. */
export type Offload =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "refused"; readonly status: 403 | 502 };

const FORBIDDEN: Offload = { kind: "refused", status: 403 };
const INVALID: Offload = { kind: "refused", status: 502 };

/**
 * Takes both fields out of `fields`.
 *
 * @param fpmRoot The root as the script knows it.
 * @param isSource Whether a file of this name is one that is never sent.
 * @returns What they ask for; `undefined` where they ask for nothing.
 */
export function takeOffload(
  fields: Fields,
  fpmRoot: string,
  isSource: (name: string) => boolean,
): Offload | undefined {
  const redirect = fields.all(REDIRECT).find((value) => value !== "");
  const file = fields.all(SENDFILE).find((value) => value !== "");
  fields.delete(REDIRECT);
  fields.delete(SENDFILE);
  if (redirect !== undefined) return fromPath(redirect, isSource);
  return file === undefined ? undefined : fromFile(file, fpmRoot, isSource);
}

/** An internal path of the URL space: percent-encoded, a query says nothing. */
function fromPath(value: string, isSource: (name: string) => boolean): Offload {
  const path = value.split("?", 1)[0];
  const decoded = percentDecode(toText(path));
  if (decoded === undefined || hasControl(decoded) || !decoded.startsWith("/")) return INVALID;
  return judged(decoded, isSource);
}

/** A path of the file system, as the script sees it. */
function fromFile(value: string, fpmRoot: string, isSource: (name: string) => boolean): Offload {
  const path = toText(value);
  if (hasControl(path)) return INVALID;
  const base = fpmRoot === "/" ? "" : fpmRoot;
  if (!path.startsWith(base + "/")) return FORBIDDEN;
  return judged(path.slice(base.length), isSource);
}

function judged(path: string, isSource: (name: string) => boolean): Offload {
  const names = path.split("/").slice(1).filter((name) => name !== "" && name !== ".");
  if (names.some((name) => name.startsWith(".") || name.includes("\\"))) return FORBIDDEN;
  if (names.length === 0 || path.endsWith("/")) return INVALID;
  const last = names[names.length - 1];
  // A file that has no extension is as often a secret as a page.
  if (!last.includes(".") || isSource(last)) return FORBIDDEN;
  return { kind: "file", path: "/" + names.map(percentEncodePath).join("/") };
}

/** Field values have a character for each byte; names of files are UTF-8. */
function toText(value: string): string {
  const bytes = Uint8Array.from(value, (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || code === 127) return true;
  }
  return false;
}
