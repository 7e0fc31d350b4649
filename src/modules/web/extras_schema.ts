/** Keys of `web` tables beyond 1.5 that say which file answers and what is said of it. @module */
import { z } from "zod";
import { byteLength, hasControl } from "../../config/read/text.ts";
import { count, headerValue, isPathValue, list, valueKinds } from "../../config/schema/values.ts";
import { ASKED_PATH } from "./try_files.ts";

const MAX_TRIED = 8;
const MAX_FILE_RULES = 64;
const MAX_PATTERNS = 64;
const MAX_PATTERN_BYTES = 256;
const MAX_NAME_BYTES = 255;
const MAX_RANGES = 32;

const fileRule = z.strictObject({
  match: list(pattern(), { min: 1, max: MAX_PATTERNS, unique: "exact" }).describe(
    'Files the rule is for: `"*.pdf"`, `"app-*.js"` by name, `"/assets/*"` all below a directory.',
  ),
  cache_control: headerValue().optional().describe("`Cache-Control` in place of the table's."),
  expires: headerValue().optional().describe("`Expires` in place of the table's."),
  download: z.union([z.boolean(), downloadName()]).default(false)
    .describe("Have browsers save the file, under its own name or this one."),
});

/** The keys, for the schema of the table. */
export const extras = {
  try_files: z.array(triedFile()).max(MAX_TRIED).default([]).superRefine(checkTried).describe(
    'What to look for, in order: `["{path}", "{path}.html", "/index.html"]`. A path at the end is ' +
      "the page of a single-page application: it answers navigations (clients that accept HTML) to paths " +
      "that name no file. Empty: the path alone.",
  ),
  etag: z.enum(["weak", "strong"]).default("weak").describe(
    "Tags of files: by length and time, or by the content of files that fit into memory " +
      "(`web_memory.max_file_bytes`); larger ones keep a weak tag.",
  ),
  max_ranges: count({ min: 1, max: MAX_RANGES }).default(1).describe(
    "Most ranges of one request, sent as `multipart/byteranges`. More, and those that overlap, get the " +
      "whole file.",
  ),
  files: z.array(fileRule).max(MAX_FILE_RULES).default([])
    .describe("Rules for some of the files; of those that match a file the first counts."),
};

function checkTried(entries: readonly string[], context: z.RefinementCtx): void {
  const refuse = (index: number, message: string) =>
    context.addIssue({ code: "custom", input: entries[index], path: [index], message });
  if (entries.length > 0 && entries[0] !== ASKED_PATH) {
    refuse(0, `must be "${ASKED_PATH}": a file that is there is served first`);
  }
  for (const [index, entry] of entries.entries()) {
    if (entries.indexOf(entry) < index) refuse(index, "must not be in the list twice");
    if (index > 0 && !entry.startsWith(ASKED_PATH) && index < entries.length - 1) {
      refuse(index, "must be the last entry: it answers for whatever is left");
    }
  }
}

function triedFile() {
  const allowed =
    '"{path}", "{path}" and a suffix such as ".html", or a path such as "/index.html"';
  return z.string().refine((entry) => {
    if (byteLength(entry) > MAX_PATTERN_BYTES) return false;
    if (!entry.startsWith(ASKED_PATH)) return isPathValue(entry) && !/[%{}]|\/$|\/\//.test(entry);
    const suffix = entry.slice(ASKED_PATH.length);
    return suffix === "" || (/^\.[^/\\%{}]+$/.test(suffix) && !hasControl(suffix));
  }, { error: `must be ${allowed}; a directory's index file is found by "{path}"` })
    .register(valueKinds, { type: "file to try", allowed });
}

function pattern() {
  const allowed = 'a name or path with at most one "*", such as "*.pdf" or "/assets/*"';
  return z.string().refine(
    (text) =>
      text !== "" && byteLength(text) <= MAX_PATTERN_BYTES && !hasControl(text) &&
      text.indexOf("*") === text.lastIndexOf("*") && (text.startsWith("/") || !text.includes("/")),
    { error: `must be ${allowed}` },
  ).register(valueKinds, { type: "file pattern", allowed });
}

function downloadName() {
  const allowed = 'a file name of printable ASCII without "/", "\\" and quotes';
  return z.string().refine(
    (name) => /^[ -~]+$/.test(name) && !/["/\\]/.test(name) && name.length <= MAX_NAME_BYTES,
    { error: `must be true, false, or ${allowed}` },
  ).register(valueKinds, { type: "file name", allowed });
}
