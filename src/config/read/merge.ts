/**
 * Several files to one configuration (spec 01 section 1.5). Works on tables as TOML gives them, before
 * anything is checked; a key of a wrong type simply replaces what was there and is refused later.
 *
 * @module
 */
import { catalogMergeRule } from "../../catalog/tables.ts";
import { formatKey } from "../problems/key_path.ts";
import type { Origins } from "./origins.ts";
import { isTable, type Schema, schemaAt, shapeOf, type Table } from "../schema/schema_walk.ts";
import { newTable } from "./toml.ts";
import type { MergeRule, Problem, TableSchema } from "../types.ts";

/** One file's tables. */
export interface Fragment {
  readonly file: string;
  readonly table: Table;
}

/** The rule for a top-level table: its module's, else the catalog's, else field by field. */
export function mergeRule(name: string, tables: readonly TableSchema[]): MergeRule {
  const own = tables.find(({ table, scopes }) => table === name && scopes.includes("root"));
  return own?.merge ?? catalogMergeRule(name) ?? "fields";
}

/**
 * Merges files in load order.
 *
 * @param schema Distinguishes tables, which merge key by key, from maps, which are replaced whole.
 * @returns New tables; nothing of the fragments is changed.
 */
export function mergeFragments(
  fragments: readonly Fragment[],
  schema: Schema,
  tables: readonly TableSchema[],
  origins: Origins,
): { readonly table: Table; readonly problems: readonly Problem[] } {
  const merged = newTable();
  const problems: Problem[] = [];
  for (const { file, table } of fragments) {
    for (const name of Object.keys(table)) {
      const rule = mergeRule(name, tables);
      const before = merged[name];
      let value = table[name];
      let earlier = before;
      if (typeof rule === "object" && rule.rule === "fields" && isTable(value)) {
        const { single, found } = withOneOf(value, { name, file, origins }, rule);
        problems.push(...found);
        value = single;
        if (isTable(before)) earlier = forgetOthers(before, single, rule, origins);
      }
      merged[name] = met(rule, earlier, value, schemaAt(schema, [name]), origins);
      origins.put(merged, name, origins.get(table, name));
    }
  }
  return { table: merged, problems };
}

/** `value` of a later file where an earlier one had `before`. */
function met(
  rule: MergeRule,
  before: unknown,
  value: unknown,
  schema: Schema | undefined,
  origins: Origins,
): unknown {
  if (rule === "entries") {
    return Array.isArray(before) && Array.isArray(value)
      ? concatenated(before, value, origins)
      : value;
  }
  if (rule === "whole" || !isTable(before) || !isTable(value)) return value;
  if (typeof rule === "object" && rule.rule === "keys") {
    return keyByKey(before, value, rule.append, origins);
  }
  return fields(before, value, schema, origins);
}

/** `later` over `earlier`, key by key at every depth; lists and maps are replaced. */
function fields(
  earlier: Table,
  later: Table,
  schema: Schema | undefined,
  origins: Origins,
): Table {
  const merged = copy(earlier, origins);
  for (const key of Object.keys(later)) {
    const before = merged[key];
    const value = later[key];
    const below = schema === undefined ? undefined : schemaAt(schema, [key]);
    const map = below !== undefined && shapeOf(below).kind === "map";
    const both = isTable(before) && isTable(value) && !map;
    merged[key] = both ? fields(before, value, below, origins) : value;
    origins.put(merged, key, origins.get(later, key));
  }
  return merged;
}

/** Every key is replaced whole, sub-tables too; the lists in `append` only ever grow. */
function keyByKey(
  earlier: Table,
  later: Table,
  append: readonly string[],
  origins: Origins,
): Table {
  const merged = copy(earlier, origins);
  for (const key of Object.keys(later)) {
    const before = merged[key];
    const value = later[key];
    const grows = append.includes(key) && Array.isArray(before) && Array.isArray(value);
    merged[key] = grows ? appended(before, value, origins) : value;
    origins.put(merged, key, origins.get(later, key));
  }
  return merged;
}

/** `earlier` and what `later` has beyond it; the same text twice counts once. */
function appended(earlier: unknown[], later: unknown[], origins: Origins): unknown[] {
  const seen = new Set<unknown>(earlier);
  return concatenated(earlier, later, origins, (entry) => seen.has(entry) || !seen.add(entry));
}

function concatenated(
  earlier: unknown[],
  later: unknown[],
  origins: Origins,
  skip: (entry: unknown) => boolean = () => false,
): unknown[] {
  const merged: unknown[] = [];
  for (const list of [earlier, later]) {
    for (const [i, entry] of list.entries()) {
      if (list === later && skip(entry)) continue;
      const origin = origins.get(list, i);
      const index = merged.push(entry) - 1;
      if (origin !== undefined) origins.put(merged, index, { ...origin, index });
    }
  }
  return merged;
}

type OneOf = Extract<MergeRule, { readonly rule: "fields" }>;

/** One file sets one key of a group only; the first one stays. */
function withOneOf(
  table: Table,
  { name, file, origins }: {
    readonly name: string;
    readonly file: string;
    readonly origins: Origins;
  },
  { oneOf, because }: OneOf,
): { readonly single: Table; readonly found: readonly Problem[] } {
  const [first, ...others] = oneOf.filter((key) => isSet(table[key]));
  if (others.length === 0) return { single: table, found: [] };
  const single = copy(table, origins);
  for (const key of others) delete single[key];
  const found = others.map((key): Problem => ({
    key: formatKey([name, key]),
    message: `must not be set together with ${formatKey([name, first])}: ${because}`,
    file,
    line: origins.get(table, key)?.line,
  }));
  return { single, found };
}

function forgetOthers(earlier: Table, later: Table, { oneOf }: OneOf, origins: Origins): Table {
  if (!oneOf.some((key) => Object.hasOwn(later, key))) return earlier;
  const kept = copy(earlier, origins);
  for (const key of oneOf) delete kept[key];
  return kept;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function copy(table: Table, origins: Origins): Table {
  const fresh = newTable();
  for (const key of Object.keys(table)) {
    fresh[key] = table[key];
    origins.put(fresh, key, origins.get(table, key));
  }
  return fresh;
}
