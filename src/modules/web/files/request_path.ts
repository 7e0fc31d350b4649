/**
 * The path of a request as names of files.
 *
 * @module
 */
import { percentDecode } from "../../../http/percent.ts";

/** Deepest path that is looked up; deeper ones are not found. Bounds the work of one request. */
export const MAX_DEPTH = 64;

/** The directory of a root that is for clients to look into (RFC 8615). */
const WELL_KNOWN = ".well-known";

/** Which names that begin with a dot are refused. */
export interface DotRules {
  readonly deny_dotfiles: boolean;
  /** Refuses `.well-known` as well, where dotfiles are refused. */
  readonly deny_well_known: boolean;
}

/** A path that may be looked up below a root. */
export interface RequestPath {
  /** Decoded, as it began: what a file is remembered by. */
  readonly decoded: string;
  /** Names from the root down; never empty ones, `.` or `..`. */
  readonly names: readonly string[];
  /** It ended with `/`: only a directory can be meant. */
  readonly isDirectory: boolean;
}

/**
 * Why a path is not looked up (spec 02 section 7.1): `malformed` escapes or bytes that are not UTF-8
 * are 400; a dotfile, `..`, a backslash or NUL is `forbidden`, 403; a path no file can have is `absent`.
 */
export type PathProblem = "malformed" | "forbidden" | "absent";

/**
 * Reads `path` as names of files. Path safety (spec 02 section 3.1) has seen it before; what would
 * leave the root is refused here all the same.
 *
 * @param path Percent-encoded, begins with `/`.
 */
export function readRequestPath(
  path: string,
  rules: DotRules,
): RequestPath | PathProblem {
  const decoded = percentDecode(path);
  if (decoded === undefined || !isAscii(path)) return "malformed";
  if (decoded.includes("\0") || decoded.includes("\\")) return "forbidden";
  const names = decoded.split("/");
  names.shift();
  const isDirectory = names[names.length - 1] === "";
  if (isDirectory) names.pop();
  let problem: PathProblem | undefined;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === "." || name === "..") return "forbidden";
    if (name === "") problem = "absent";
    if (isHiddenName(name, i, rules)) return "forbidden";
  }
  if (names.length > MAX_DEPTH) problem = "absent";
  return problem ?? { decoded, names, isDirectory };
}

/** Whether the name at position `at` of a path is refused because it begins with a dot. */
export function isHiddenName(
  name: string,
  at: number,
  { deny_dotfiles, deny_well_known }: DotRules,
): boolean {
  if (!deny_dotfiles || !name.startsWith(".")) return false;
  // Dotfiles hide what was never meant to be published; this directory is there to be.
  const isWellKnown = at === 0 && name === WELL_KNOWN;
  return !isWellKnown || deny_well_known;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7e) return false;
  return true;
}
