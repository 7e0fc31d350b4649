/**
 * TOML text to plain tables, with what the parser alone does not give: the line of each key, integers
 * that are exact, and floats that cannot pass for integers (spec 01 section 1.6).
 *
 * @module
 */
import { parse, TomlDate, TomlError } from "smol-toml";
import type { Origins } from "./origins.ts";
import { shownSource } from "../problems/confidential.ts";
import { keyPlaces } from "./positions.ts";
import { isTable, type Table } from "../schema/schema_walk.ts";
import type { Problem } from "../types.ts";

/** Longest source line that a message shows. */
const MAX_SHOWN = 60;

/** The table of a text, or why it is not TOML. */
export type ParsedToml =
  | { readonly ok: true; readonly table: Table }
  | { readonly ok: false; readonly problem: Problem };

/**
 * Reads one file's text.
 *
 * Integers come out as numbers, offset date-times as `TomlDate`. What no key takes (a float, a local
 * date, an integer that a double cannot hold) comes out as a symbol that describes it: no schema
 * accepts one, and the problem can say what is in the file.
 *
 * @param origins Receives the line of every key.
 */
export function parseToml(text: string, file: string, origins: Origins): ParsedToml {
  try {
    const table = plainTable(parse(text, { integersAsBigInt: true }));
    origins.record(table, keyPlaces(text), file);
    return { ok: true, table };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { ok: false, problem: syntaxProblem(error, text, file) };
  }
}

function plainTable(table: Table): Table {
  const copy = newTable();
  for (const key of Object.keys(table)) copy[key] = plain(table[key]);
  return copy;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const exact = Number.isSafeInteger(Number(value));
    return exact ? Number(value) : Symbol(`${value}, which is beyond 2^53`);
  }
  if (typeof value === "number") return Symbol(`the float ${floatText(value)}`);
  if (value instanceof TomlDate) {
    return value.isDateTime() && !value.isLocal() ? value : Symbol("a local date or time");
  }
  if (Array.isArray(value)) return value.map(plain);
  return isTable(value) ? plainTable(value) : value;
}

/** An empty table in which `__proto__` is a key like any other. */
export function newTable(): Table {
  return Object.create(null);
}

function syntaxProblem(error: TomlError, text: string, file: string): Problem {
  const source = (text.split("\n")[error.line - 1] ?? "").trim();
  const closed = closedHeader(source);
  const reason = closed === undefined
    ? error.message.split("\n")[0].replace(/^Invalid TOML document: /, "")
    : "the bracket of the table's name is not closed";
  const held = shownSource(source);
  const shown = held.length > MAX_SHOWN ? `${held.slice(0, MAX_SHOWN)}…` : held;
  return {
    key: "",
    message: `is not valid TOML: ${reason} at column ${error.column}` +
      (shown === "" ? "" : ` of ${shown}`),
    hint: closed === undefined ? syntaxHint(source, reason) : `write ${closed}`,
    file,
    line: error.line,
  };
}

/** What a header without its last brackets, `[server` or `[[vhosts]`, should have been. */
function closedHeader(source: string): string | undefined {
  const [, open, name, close] = /^(\[{1,2})\s*([^[\]#=,]+?)\s*(\]?)\s*(?:#.*)?$/.exec(source) ?? [];
  if (open === undefined || close.length === open.length) return undefined;
  return `${open}${name}${"]".repeat(open.length)}`;
}

/** The common mistakes that TOML itself stumbles over (spec 01 section 1.6). */
function syntaxHint(source: string, reason: string): string | undefined {
  const list = /^\[+\s*(vhosts|vhosts\.routes|[a-z.]+\.error_pages)\s*\]+/.exec(source)?.[1];
  if (list !== undefined) {
    return `write [[${list}]] with two brackets, and before any [${list}.…] table that belongs to it`;
  }
  const doubled = /^\[\[\s*([A-Za-z0-9_.-]+)\s*\]\]/.exec(source)?.[1];
  if (doubled !== undefined) {
    return `write [${doubled}] with one bracket if it is a single table; to a table that is written as ` +
      "{ ... } nothing can be added: give its keys lines of their own";
  }
  if (reason.includes("escape")) {
    return "a text in single quotes keeps its backslashes: write '\\.php$'";
  }
  if (reason.includes("redefine")) return "a key or table may appear only once";
  return /^[^=\s]+\s*=\s*[^\s"'[{]/.test(source) ? "strings are quoted" : undefined;
}

function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
