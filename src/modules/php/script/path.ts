/**
 * The path of a request as a script and what follows it (spec 07 section 8).
 *
 * @module
 */
import { percentDecode } from "../../../http/percent.ts";

/** Deepest path that is looked up. Bounds the work of one request. */
const MAX_SEGMENTS = 64;

/** A path, split at its script. */
export interface ScriptPath {
  /** Names from the root down to the script; all of the path where it names none. */
  readonly names: readonly string[];
  /** The path names a script by its extension. */
  readonly isExplicit: boolean;
  /** What follows the script, with its slash; `""` for nothing. */
  readonly pathInfo: string;
  /** It ended with a slash: only a directory can be meant. */
  readonly isDirectory: boolean;
}

/**
 * Splits `path` at its first segment with the extension of a script. The cut is made on the path as it is
 * and never on a folded copy of it: folding changes the length of some characters.
 *
 * @param path Percent-encoded, begins with `/`. Path safety has seen it before; what would leave the root is
 * refused here all the same.
 * @returns `undefined` for a path that must be refused.
 */
export function readScriptPath(
  path: string,
  extensions: ReadonlySet<string>,
): ScriptPath | undefined {
  const decoded = percentDecode(path);
  if (decoded === undefined || !decoded.startsWith("/") || hasControl(decoded)) return undefined;
  const segments = decoded.split("/");
  const names: string[] = [];
  for (const [i, segment] of segments.entries()) {
    if (segment === "" || segment === ".") continue;
    if (segment === ".." || names.length === MAX_SEGMENTS) return undefined;
    names.push(segment);
    if (!isScriptName(segment, extensions)) continue;
    const rest = segments.slice(i + 1);
    if (rest.some((name) => name === "..")) return undefined;
    const pathInfo = rest.length === 0 ? "" : "/" + rest.join("/");
    return { names, isExplicit: true, pathInfo, isDirectory: false };
  }
  return { names, isExplicit: false, pathInfo: "", isDirectory: decoded.endsWith("/") };
}

/** Whether the last extension of a file's name is that of a script, in any case of ASCII letters. */
export function isScriptName(name: string, extensions: ReadonlySet<string>): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && extensions.has(asciiLower(name.slice(dot + 1)));
}

/** `A` to `Z` in lower case, and nothing else: no other script's letters become ASCII. */
export function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether what follows a script may be passed on: no name in it is one that files hide behind. */
export function isSafePathInfo(pathInfo: string): boolean {
  return !pathInfo.includes("\\") && !pathInfo.split("/").some((name) => name.startsWith("."));
}

/** Whether `name` is `prefix` or below it; a prefix ends at the end of a segment. */
export function isBelow(name: string, prefix: string): boolean {
  return name.startsWith(prefix) &&
    (name.length === prefix.length || prefix.endsWith("/") || name[prefix.length] === "/");
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || (code >= 127 && code < 160)) return true;
  }
  return false;
}
