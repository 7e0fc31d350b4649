/**
 * The list of files that answers for a directory without an index file (spec 02 section 7.5).
 *
 * @module
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { formatHttpDate } from "../../../http/content/dates.ts";
import { percentDecode, percentEncodePath } from "../../../http/percent.ts";
import { below, type Place, type Sight } from "./lookup.ts";
import type { PageConfig } from "../schema.ts";
import { isUnmoved, wayInto } from "./unmoved.ts";

/** Most names in a directory that is listed. */
export const MAX_ENTRIES = 4096;

/** Names looked at before other requests get a turn: about half a millisecond. */
const ENTRIES_A_TURN = 128;

/** A file or directory to be listed. */
export interface Entry {
  readonly name: string;
  readonly info: Deno.FileInfo;
}

/**
 * Reads what a listing of `directory` shows: files and directories, links that are followed, no special files, no
 * names that are not UTF-8, no dotfiles where they are denied; directories first, then by name.
 *
 * @returns `too many` entries, or `moved` when the way to the directory was changed meanwhile: locate
 * it again.
 * @throws What the system says.
 */
export async function readListing(
  directory: Place,
  denyDotfiles: boolean,
): Promise<readonly Entry[] | "too many" | "moved"> {
  const { looker } = directory;
  const names: string[] = [];
  let count = 0;
  for await (const { name, isFile, isDirectory, isSymlink } of Deno.readDir(directory.path)) {
    if (++count > MAX_ENTRIES) return "too many";
    if (!(isFile || isDirectory || isSymlink)) continue;
    if (denyDotfiles && name.startsWith(".")) continue;
    names.push(name);
  }
  const entries: Entry[] = [];
  const seen: Sight[] = [];
  for (let i = 0; i < names.length; i++) {
    if (i % ENTRIES_A_TURN === ENTRIES_A_TURN - 1) await nextTurn();
    const path = below(directory.path, names[i]);
    // A name that is not UTF-8 is listed with U+FFFD in it, and so is not found.
    const info = looker.look(path);
    if (info === undefined || !(info.isFile || info.isDirectory)) continue;
    entries.push({ name: names[i], info });
    seen.push({ path, info });
  }
  if (!isUnmoved(wayInto(directory), seen, directory)) return "moved";
  return entries.sort((a, b) =>
    Number(b.info.isDirectory) - Number(a.info.isDirectory) || (a.name < b.name ? -1 : 1)
  );
}

/**
 * A listing as an HTML page.
 *
 * @param requestPath Path as it was requested, which links begin with: they hold under `strip_prefix`,
 * and without a slash at its end.
 * @param isRoot There is no parent to link to.
 */
export function renderListing(
  entries: readonly Entry[],
  requestPath: string,
  isRoot: boolean,
  options: PageConfig["directory_listing"],
): string {
  const base = requestPath.endsWith("/") ? requestPath : requestPath + "/";
  const title = escapeHtml("Index of " + (percentDecode(base) ?? base));
  let rows = isRoot ? "" : row(parentOf(base), "../", "", "");
  for (const { name, info } of entries) {
    const slash = info.isDirectory ? "/" : "";
    rows += row(
      base + percentEncodePath(name) + slash,
      name + slash,
      info.mtime === null
        ? "-"
        : options.local_time
        ? localTime(info.mtime)
        : formatHttpDate(info.mtime.getTime()),
      options.exact_size && info.isFile ? String(info.size) : "-",
    );
  }
  return PAGE_START + `<title>${title}</title>\n` + STYLE + `<h1>${title}</h1>\n` +
    "<table>\n<thead><tr><th>Name<th>Last modified<th>Size</thead>\n<tbody>\n" + rows +
    "</tbody>\n</table>\n";
}

const PAGE_START = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n' +
  '<meta name="viewport" content="width=device-width">\n<meta name="color-scheme" content="light dark">\n';

const STYLE =
  "<style>body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}th,td{padding:0 1.5rem 0 0;" +
  "text-align:left}td:last-child{font-variant-numeric:tabular-nums;text-align:right}</style>\n";

function row(href: string, name: string, modified: string, size: string): string {
  return `<tr><td><a href="${escapeHtml(href)}">${
    escapeHtml(name)
  }</a><td>${modified}<td>${size}\n`;
}

/** `/a/b/` gives `/a/`. */
function parentOf(base: string): string {
  return base.slice(0, base.lastIndexOf("/", base.length - 2) + 1) || "/";
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** `2026-11-06 08:49:37 +0100` in the time zone of the process. */
function localTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const east = -time.getTimezoneOffset();
  const zone = (east < 0 ? "-" : "+") + two(Math.floor(Math.abs(east) / 60)) +
    two(Math.abs(east) % 60);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ` +
    `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())} ${zone}`;
}
