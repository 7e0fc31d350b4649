/**
 * Rules for some of the files of a `web` table: how long they may be kept, and whether browsers save them.
 * Asked once for each version of a file, when its fields are made.
 *
 * @module
 */
import { percentEncodePath } from "../../../http/percent.ts";

/** What is read of an entry of `web.files`. */
export interface FileFieldRule {
  readonly match: readonly string[];
  readonly cache_control?: string | undefined;
  readonly expires?: string | undefined;
  readonly download: boolean | string;
}

/** The first of `rules` that is for the file at `path`, which is below the root and begins with a slash. */
export function ruleFor(
  rules: readonly FileFieldRule[] | undefined,
  path: string,
): FileFieldRule | undefined {
  return rules?.find(({ match }) => match.some((pattern) => matches(pattern, path)));
}

/** At most one star, which stands for any characters: two comparisons, whatever the names are. */
function matches(pattern: string, path: string): boolean {
  const text = pattern.startsWith("/") ? path : path.slice(path.lastIndexOf("/") + 1);
  const star = pattern.indexOf("*");
  if (star < 0) return text === pattern;
  return text.length >= pattern.length - 1 && text.startsWith(pattern.slice(0, star)) &&
    text.endsWith(pattern.slice(star + 1));
}

/** `Content-Disposition` for a file that is to be saved (RFC 6266); `undefined` for others. */
export function dispositionOf(rule: FileFieldRule | undefined, path: string): string | undefined {
  if (rule === undefined || rule.download === false) return undefined;
  const name = rule.download === true ? path.slice(path.lastIndexOf("/") + 1) : rule.download;
  if (/^[ -~]+$/.test(name) && !/["\\%]/.test(name)) return `attachment; filename="${name}"`;
  const plain = name.replace(/[^ -~]|["\\%]/g, "_");
  // Unreserved characters are what RFC 8187 section 3.2.1 has without escapes, and a name has no slash.
  return `attachment; filename="${plain}"; filename*=UTF-8''${percentEncodePath(name)}`;
}
