/**
 * Defaults of a build where they differ from those of the schemas: a privacy build writes no access log
 * unless asked, and refuses to be asked (spec 01 section 9).
 *
 * @module
 */
import { isTable, type Table } from "./schema_walk.ts";
import type { BuildDefault } from "../types.ts";

/** Writes each default where the merged files say nothing. */
export function applyBuildDefaults(root: Table, defaults: readonly BuildDefault[]): void {
  for (const { path, value } of defaults) {
    const key = path[path.length - 1];
    const table = tableAt(root, path.slice(0, -1));
    if (table !== undefined && table[key] === undefined) table[key] = value;
  }
}

/** The table at `path`, made where it is missing; `undefined` where something else is in the way. */
function tableAt(root: Table, path: readonly string[]): Table | undefined {
  let table = root;
  for (const key of path) {
    const next = table[key] ??= {};
    if (!isTable(next)) return undefined;
    table = next;
  }
  return table;
}
