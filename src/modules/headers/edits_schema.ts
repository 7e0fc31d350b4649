/**
 * Deleting, setting and adding fields: the keys that `headers.request` and `headers.response` have in
 * common (spec 02 sections 6.1 and 6.3).
 *
 * @module
 */
import { z } from "zod";
import { hasControl } from "../../config/read/text.ts";
import { headerName, list, valueKinds } from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";
import { HOP_BY_HOP_FIELDS } from "./field_names.ts";
import { type TemplatePlace, templateProblem } from "./template.ts";

const MAX_NAMES = 128;
const MAX_APPENDED_VALUES = 32;
const MAX_VALUE_CHARACTERS = 8192;

const operations = z.strictObject({
  remove: names().optional().describe("As `unset`."),
  add: values().optional().describe("As `set`."),
}).describe("Another spelling of `unset` and `set`.");

/** The keys, for a table that has them among others. */
export const edits = {
  unset: names().optional().describe(
    "Fields to delete. In `headers.response` of the root the default is `x-powered-by`.",
  ),
  remove: names().optional().describe("Fields to delete, as well as those of `unset`."),
  set: values().optional().describe("Fields to write, by name; others of that name are replaced."),
  add: values().optional().describe("As `set`."),
  append: z.record(
    z.string(),
    z.union([value("append"), list(value("append"), { min: 1, max: MAX_APPENDED_VALUES })]),
  ).optional().describe(
    "Field lines to add to those that are there: a value, or a list of values.",
  ),
  operations: operations.optional(),
};

/** The keys of {@linkcode edits} in a table that was read. */
interface Edits {
  readonly unset?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string>> | undefined;
  readonly append?: Readonly<Record<string, unknown>> | undefined;
  readonly operations?: {
    readonly remove?: readonly string[] | undefined;
    readonly add?: Readonly<Record<string, string>> | undefined;
  } | undefined;
}

/** Bounds and names over all spellings of one table; for `superRefine`. */
export function checkEdits(table: Edits, context: z.RefinementCtx): void {
  const deleted = [table.unset, table.remove, table.operations?.remove];
  const count = deleted.reduce((sum, listed) => sum + (listed?.length ?? 0), 0);
  if (count > MAX_NAMES) {
    context.addIssue({
      code: "custom",
      input: count,
      path: ["unset"],
      message: `must have at most ${MAX_NAMES} names with remove and operations.remove`,
    });
  }
  checkNames([["set"], ["add"], ["operations", "add"]], table, context);
  checkNames([["append"]], table, context);
}

/** Where a map of names to values is in a table. */
type EditPlace =
  | readonly ["set"]
  | readonly ["add"]
  | readonly ["append"]
  | readonly ["operations", "add"];

/**
 * Names that the edits of answers write, on top of {@linkcode checkEdits}: those of the connection are the
 * codecs' to write, and mean something else, or nothing, where a policy writes them.
 */
export function checkAnswerNames(table: Edits, context: z.RefinementCtx): void {
  for (const [place, name] of writtenNames(WRITING, table)) {
    if (!HOP_BY_HOP_FIELDS.includes(name.toLowerCase())) continue;
    const message =
      `must not be ${name.toLowerCase()}, a field of the connection, which the gateway ` +
      "writes itself";
    context.addIssue({ code: "custom", input: name, path: [...place, name], message });
  }
}

/** The maps that write fields. */
const WRITING: readonly EditPlace[] = [["set"], ["add"], ["operations", "add"], ["append"]];

function* writtenNames(
  places: readonly EditPlace[],
  table: Edits,
): Generator<readonly [place: EditPlace, name: string]> {
  for (const place of places) {
    const map = place[0] === "operations" ? table.operations?.add : table[place[0]];
    for (const name of Object.keys(map ?? {})) yield [place, name];
  }
}

/** The names of some maps together: tokens, not too many, none twice. */
function checkNames(
  places: readonly EditPlace[],
  table: Edits,
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [place, name] of writtenNames(places, table)) {
    const problem = nameProblem(name, seen);
    if (problem === undefined) continue;
    context.addIssue({ code: "custom", input: name, path: [...place, name], message: problem });
  }
}

function nameProblem(name: string, seen: Set<string>): string | undefined {
  if (!isToken(name)) return "must be a header name of letters, digits and !#$%&'*+-.^_`|~";
  const lower = name.toLowerCase();
  if (lower === "content-length") return "must not be content-length, which follows from the body";
  if (seen.has(lower)) return "must not be given twice, in any spelling of set, add and operations";
  seen.add(lower);
  return seen.size > MAX_NAMES ? `must be one of at most ${MAX_NAMES} names` : undefined;
}

function names() {
  return list(headerName(), { max: MAX_NAMES });
}

function values() {
  return z.record(z.string(), value("set"));
}

/** A value, perhaps with variables. */
function value(place: TemplatePlace) {
  return z.string().superRefine((text, context) => {
    const message = text.trim() === "" || text.length > MAX_VALUE_CHARACTERS || hasControl(text)
      ? `must be a header value of 1 to ${MAX_VALUE_CHARACTERS} characters, not blank, without control ` +
        "characters"
      : templateProblem(text, place);
    if (message !== undefined) context.addIssue({ code: "custom", input: text, message });
  }).register(valueKinds, { type: "header value", allowed: "text with variables" });
}
