/**
 * TOML text to plain tables, with what the parser alone does not give: the line of each key, integers
 * that are exact, and floats that cannot pass for integers (spec 01 section 1.6).
 *
 * @module
 */
import { parse, TomlDate, TomlError } from "smol-toml";
import { formatKey } from "./key_path.ts";
import type { Origins } from "./origins.ts";
import { type KeyPlace, keyPlaces } from "./positions.ts";
import { isTable, type Table } from "./schema_walk.ts";
import type { Problem } from "./types.ts";

/** What became of one text. */
export type ParsedToml =
  | { readonly ok: true; readonly table: Table; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads one file's text.
 *
 * Integers come out as numbers, offset date-times as `TomlDate`. A float or a local date, which no
 * key takes, comes out as a symbol that describes it: no schema accepts one, and its problem can say
 * what stands in the file.
 *
 * @param origins Receives the line of every key.
 */
export function parseToml(text: string, file: string, origins: Origins): ParsedToml {
  let raw: Table;
  try {
    raw = parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { ok: false, problems: [syntaxProblem(error, text, file)] };
  }
  const places = keyPlaces(text);
  const problems: Problem[] = [];
  const table = newTable();
  for (const key of Object.keys(raw)) table[key] = plain(raw[key], [key]);
  origins.record(table, places, file);
  return { ok: true, table, problems };

  function plain(value: unknown, path: readonly (string | number)[]): unknown {
    if (typeof value === "bigint") {
      if (Number.isSafeInteger(Number(value))) return Number(value);
      problems.push({
        key: formatKey(path),
        message: `must be an integer from -(2^53 - 1) to 2^53 - 1; found ${value}`,
        file,
        line: lineAt(places, path),
      });
      return 0;
    }
    if (typeof value === "number") return Symbol(`the float ${floatText(value)}`);
    if (value instanceof TomlDate) {
      return value.isDateTime() && !value.isLocal() ? value : Symbol("a local date or time");
    }
    if (Array.isArray(value)) return value.map((entry, i) => plain(entry, [...path, i]));
    if (!isTable(value)) return value;
    const copy = newTable();
    for (const key of Object.keys(value)) copy[key] = plain(value[key], [...path, key]);
    return copy;
  }
}

/** An empty table in which `__proto__` is a key like any other. */
export function newTable(): Table {
  return Object.create(null);
}

function syntaxProblem(error: TomlError, text: string, file: string): Problem {
  const reason = error.message.split("\n")[0].replace(/^Invalid TOML document: /, "");
  return {
    key: "",
    message: `is not valid TOML: ${reason} (column ${error.column})`,
    hint: syntaxHint(text, error.line),
    file,
    line: error.line,
  };
}

/** The common mistakes that TOML itself stumbles over (spec 01 section 1.6). */
function syntaxHint(text: string, line: number): string | undefined {
  const lines = text.split("\n");
  const wrong = lines[line - 1]?.trim() ?? "";
  const header = /^\[+\s*(vhosts|vhosts\.routes|.*\.error_pages)\s*\]+/.exec(wrong)?.[1];
  if (header !== undefined) {
    return `write [[${header}]] with two brackets, and before any [${header}.…] table that belongs to it`;
  }
  const doubled = /^\[\[\s*(.+?)\s*\]\]/.exec(wrong)?.[1];
  if (doubled !== undefined) return `write [${doubled}] with one bracket: it is a single table`;
  if (/^[A-Za-z0-9_.-]+\s*=\s*[A-Za-z/]/.test(wrong)) return "write texts in quotes";
  return undefined;
}

function lineAt(places: KeyPlace, path: readonly (string | number)[]): number {
  let place = places;
  for (const key of path) place = place.children.get(key) ?? place;
  return place.line;
}

function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
