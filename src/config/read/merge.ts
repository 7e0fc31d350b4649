/**
 * Several files to one configuration (spec 01 section 1.5). Works on tables as TOML gives them, before
 * anything is checked; a key of a wrong type simply replaces what was there and is refused later.
 *
 * @module
 */
import { formatKey } from "../problems/key_path.ts";
import type { Origins } from "./origins.ts";
import { isTable, type Schema, schemaAt, shapeOf, type Table } from "../schema/schema_walk.ts";
import { newTable } from "./toml.ts";
import type { Problem, TableSchema } from "../types.ts";

/** How a top-level table of a later file meets one of an earlier file. */
export type MergeRule = "fields" | "whole" | "server" | "proxy" | "vhosts";

const RULES: Readonly<Record<string, MergeRule>> = {
  server: "server",
  admin: "fields",
  metrics: "whole",
  tracing: "whole",
  logging: "whole",
  headers: "whole",
  tls: "fields",
  proxy: "proxy",
  compression: "fields",
  cache: "fields",
  cache_purger: "fields",
  web: "fields",
  geoip: "whole",
  stream: "fields",
  udp: "whole",
  vhosts: "vhosts",
};

/** Ways to name upstreams; setting one forgets the others that an earlier file set. */
const UPSTREAM_SOURCES = ["upstream", "upstreams", "upstreams_file", "upstreams_http_url"] as const;

/** One file's tables. */
export interface Fragment {
  readonly file: string;
  readonly table: Table;
}

/** The rule for a top-level table: the spec's, or a module's own, or field by field. */
export function mergeRule(name: string, tables: readonly TableSchema[]): MergeRule {
  if (Object.hasOwn(RULES, name)) return RULES[name];
  return tables.find((table) => table.table === name)?.merge ?? "fields";
}

/**
 * Merges files in load order.
 *
 * @param schema Tells tables, which merge key by key, from maps, which are replaced whole.
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
      const before = merged[name];
      let value = table[name];
      switch (mergeRule(name, tables)) {
        case "server":
          if (isTable(before) && isTable(value)) value = mergeServer(before, value, origins);
          break;
        case "proxy":
          if (isTable(value)) {
            const { single, found } = withOneSource(value, file, origins);
            problems.push(...found);
            value = isTable(before)
              ? fields(
                forgetSources(before, single, origins),
                single,
                schemaAt(schema, [name]),
                origins,
              )
              : single;
          }
          break;
        case "vhosts":
          if (Array.isArray(before) && Array.isArray(value)) {
            value = concatenated(before, value, origins);
          }
          break;
        case "fields":
          if (isTable(before) && isTable(value)) {
            value = fields(before, value, schemaAt(schema, [name]), origins);
          }
      }
      merged[name] = value;
      origins.put(merged, name, origins.get(table, name));
    }
  }
  return { table: merged, problems };
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

/** Sub-tables are replaced whole; the list of trusted proxies only ever grows. */
function mergeServer(earlier: Table, later: Table, origins: Origins): Table {
  const merged = copy(earlier, origins);
  for (const key of Object.keys(later)) {
    const before = merged[key];
    const value = later[key];
    const append = key === "trusted_proxies" && Array.isArray(before) && Array.isArray(value);
    merged[key] = append ? appended(before, value, origins) : value;
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

/** A proxy table of one file names its upstreams in one way only. */
function withOneSource(
  table: Table,
  file: string,
  origins: Origins,
): { readonly single: Table; readonly found: readonly Problem[] } {
  const used = UPSTREAM_SOURCES.filter((source) => isSet(table[source]));
  if (used.length < 2) return { single: table, found: [] };
  const single = copy(table, origins);
  for (const source of used.slice(1)) delete single[source];
  const found = used.slice(1).map((source): Problem => ({
    key: formatKey(["proxy", source]),
    message: `must not be set together with proxy.${used[0]}: upstreams are named in one way only`,
    file,
    line: origins.get(table, source)?.line,
  }));
  return { single, found };
}

function forgetSources(earlier: Table, later: Table, origins: Origins): Table {
  if (!UPSTREAM_SOURCES.some((source) => Object.hasOwn(later, source))) return earlier;
  const kept = copy(earlier, origins);
  for (const source of UPSTREAM_SOURCES) delete kept[source];
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
