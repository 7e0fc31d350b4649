/**
 * Keys of the 1.5 line whose module a build may lack. A configuration that asks for one is refused by
 * the module's name, never ignored; one that only says it is off is fine anywhere (spec 01 section 5.4).
 *
 * @module
 */
import { MODULE_TABLES } from "../../catalog/tables.ts";
import { findings } from "../problems/issues.ts";
import type { Origins } from "./origins.ts";
import { problemAt } from "../problems/placing.ts";
import { type InertTable, inertTable } from "./inert_tables.ts";
import { isTable, type Path, type Schema, schemaAt, type Table } from "../schema/schema_walk.ts";
import type { Taint } from "../problems/taint.ts";
import type { Problem, TableScope } from "../types.ts";

/** Names of tables, from their scope, that are off unless they say otherwise. */
const OFF_BY_DEFAULT: ReadonlySet<string> = new Set(
  MODULE_TABLES.filter(({ offByDefault }) => offByDefault).map(({ table }) => table),
);

/**
 * Takes the keys of absent modules out of a merged configuration, and refuses those that ask for
 * something.
 *
 * @param schema The root schema of this build: a key it knows is not absent.
 * @param root Changed: what is left has only keys that the schema may know.
 * @param taint Receives what was refused.
 */
export function takeOutAbsent(
  schema: Schema,
  root: Table,
  origins: Origins,
  taint: Taint,
): Problem[] {
  const problems: Problem[] = [];
  for (const [scope, path, table] of scopesOf(root)) {
    for (const { table: name, scopes, module } of MODULE_TABLES) {
      if (!scopes.includes(scope)) continue;
      const keys = name.split(".");
      const key = keys[keys.length - 1];
      for (const [below, holder] of holders(table, keys.slice(0, -1))) {
        if (!Object.hasOwn(holder, key)) continue;
        if (schemaAt(schema, [...schemaPath(scope), ...below, key]) !== undefined) continue;
        const at = [...path, ...below, key];
        const inert = inertTable(name, holder);
        if (inert !== undefined) {
          problems.push(...inertProblems(inert, holder[key], { root, at, origins, taint }));
        } else if (asksForSomething(name, holder[key]) && !isOff(keys, table)) {
          const message = `needs the ${module} module, which this build does not have`;
          problems.push(problemAt(root, origins, at, message));
          taint.add(at);
        } else if (isUnsaid(name, holder[key])) {
          const message =
            "is filled in, but off because enabled is not set: nothing in it has an effect";
          const hint = "write enabled = false, or take the table out";
          problems.push({ ...problemAt(root, origins, at, message, hint), warning: true });
        }
        origins.remove(holder, key);
      }
    }
  }
  return problems;
}

/** Every table that modules add keys to. */
function* scopesOf(root: Table): Generator<readonly [TableScope, Path, Table]> {
  yield ["root", [], root];
  if (!Array.isArray(root.vhosts)) return;
  for (const [v, vhost] of root.vhosts.entries()) {
    if (!isTable(vhost)) continue;
    yield ["vhost", ["vhosts", v], vhost];
    if (!Array.isArray(vhost.routes)) continue;
    for (const [r, route] of vhost.routes.entries()) {
      if (isTable(route)) yield ["route", ["vhosts", v, "routes", r], route];
    }
  }
}

function schemaPath(scope: TableScope): Path {
  if (scope === "root") return [];
  return scope === "vhost" ? ["vhosts", 0] : ["vhosts", 0, "routes", 0];
}

/** The table at `names`, or each one of a list there, with its place. */
function* holders(table: Table, names: readonly string[]): Generator<readonly [Path, Table]> {
  if (names.length === 0) {
    yield [[], table];
    return;
  }
  const [name, ...rest] = names;
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  const entries: readonly (readonly [Path, unknown])[] = Array.isArray(found)
    ? found.map((entry, i) => [[name, i], entry] as const)
    : [[[name], found]];
  for (const [path, entry] of entries) {
    if (!isTable(entry)) continue;
    for (const [below, holder] of holders(entry, rest)) yield [[...path, ...below], holder];
  }
}

function tableAt(table: Table, path: readonly string[]): Table | undefined {
  let found: Table = table;
  for (const key of path) {
    const below = Object.hasOwn(found, key) ? found[key] : undefined;
    if (!isTable(below)) return undefined;
    found = below;
  }
  return found;
}

/**
 * An empty table or list asks for nothing, and neither does a table that is off, whatever it contains: a
 * file written for a larger build keeps loading.
 */
function asksForSomething(name: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (!isTable(value)) return true;
  if (Object.keys(value).length === 0 || value.enabled === false) return false;
  return value.enabled !== undefined || !OFF_BY_DEFAULT.has(name);
}

/** Whether a table is off without saying so. */
function isUnsaid(name: string, value: unknown): boolean {
  return OFF_BY_DEFAULT.has(name) && isTable(value) && value.enabled === undefined &&
    Object.keys(value).length > 0;
}

/** Whether a table that a key is in is off, which makes it harmless. */
function isOff(path: readonly string[], table: Table): boolean {
  return path.slice(0, -1).some((_, depth) => {
    const around = tableAt(table, path.slice(0, depth + 1));
    if (around === undefined || around.enabled === true) return false;
    return around.enabled === false || OFF_BY_DEFAULT.has(path.slice(0, depth + 1).join("."));
  });
}

/** Where a table is looked at. */
interface Place {
  readonly root: Table;
  readonly at: Path;
  readonly origins: Origins;
  readonly taint: Taint;
}

/** What is wrong with a table that has no effect; else that it has none. */
function inertProblems(
  { schema, because, hint }: InertTable,
  value: unknown,
  { root, at, origins, taint }: Place,
): Problem[] {
  const { error } = schema.safeParse(value, { reportInput: true });
  if (error === undefined) {
    if (isTable(value) && Object.keys(value).length === 0) return [];
    const message = `has no effect: ${because}`;
    return [{ ...problemAt(root, origins, at, message, hint), warning: true }];
  }
  taint.add(at);
  return findings(error.issues, schema).map(({ path, message, hint }) =>
    problemAt(root, origins, [...at, ...path], message, hint)
  );
}
