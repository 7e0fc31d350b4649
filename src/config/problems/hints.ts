/**
 * Ways out of the mistakes that are made most (spec 01 section 1.6).
 *
 * @module
 */
import { z } from "zod";
import { ROUTE_ACTIONS, tableNames } from "../../catalog/tables.ts";
import { foreignKeyHint } from "./slips.ts";
import { nearestWord, oneOf } from "./did_you_mean.ts";
import { type Path, type Schema, schemaAt, shapeOf } from "../schema/schema_walk.ts";

/** Longer entries are not repeated in a hint. */
const MAX_ENTRY_SHOWN = 60;

/** Tables with more keys than this are looked up in the documents rather than listed in a message. */
const MAX_NAMES_SHOWN = 20;

/** What to write instead of the unknown key `key` in the table at `path`. */
export function unknownKeyHint(root: Schema, path: Path, key: string): string | undefined {
  const here = path.filter((part) => typeof part === "string").join(".");
  if (here === "vhosts.routes" && key === "action") {
    return `a route's action is the table it has: ${oneOf(ROUTE_ACTIONS.map((a) => a.table))}`;
  }
  if (here === "vhosts.tls" && key === "certificates") {
    return "a vhost has one certificate: write [vhosts.tls.certificate]";
  }
  const foreign = foreignKeyHint(path, key);
  if (foreign !== undefined) return foreign;
  const near = meantKey(root, path, key);
  if (near !== undefined) return `did you mean "${near}"?`;
  const table = schemaAt(root, path);
  const elsewhere = (table && tableWith({ ...startOf(table), name: here }, key)) ??
    tableWith(startOf(root), key);
  if (elsewhere !== undefined) return elsewhere;
  const names = namesAt(root, path);
  return names.length <= MAX_NAMES_SHOWN ? `allowed here: ${names.join(", ")}` : undefined;
}

/** The key of the table at `path` that `key` is nearest to. */
export function meantKey(root: Schema, path: Path, key: string): string | undefined {
  return nearestWord(key, namesAt(root, path));
}

/** What to write where a table or a value stands for a list, or a list for a table. */
export function wrongShapeHint(
  root: Schema,
  path: Path,
  expected: string,
  input: unknown,
): string | undefined {
  const name = path.filter((part) => typeof part === "string").join(".");
  if (expected === "array" && isObject(input)) {
    return `write [[${name}]] with two brackets: it is a list of tables`;
  }
  if (expected === "array" && isEntry(schemaAt(root, [...path, 0]), input)) {
    const entry = JSON.stringify(input);
    const list = entry.length > MAX_ENTRY_SHOWN ? '["…"]' : `[${entry}]`;
    return `write ${path[path.length - 1]} = ${list}`;
  }
  if ((expected === "object" || expected === "record") && Array.isArray(input)) {
    return `write [${name}] with one bracket: it is a single table`;
  }
  return undefined;
}

function namesAt(root: Schema, path: Path): readonly string[] {
  const here = path.filter((part) => typeof part === "string").join(".");
  const table = schemaAt(root, path);
  const shape = table === undefined ? undefined : shapeOf(table);
  const names = shape?.kind === "table" ? [...shape.keys.keys()] : [];
  if (here === "") return [...names, ...tableNames("root")];
  if (here === "vhosts") return [...names, ...tableNames("vhost")];
  if (here === "vhosts.routes") return [...names, ...tableNames("route")];
  return names;
}

/** Where a search for a key has come to. */
interface Found {
  readonly schema: Schema;
  /** As headers have it: `vhosts.routes`; empty for the top level. */
  readonly name: string;
  /** It is an entry of a list of tables. */
  readonly list: boolean;
}

function startOf(schema: Schema): Found {
  return { schema, name: "", list: false };
}

/** Where the first key called `key` is in `start` or below it, breadth first. */
function tableWith(start: Found, key: string): string | undefined {
  const queue = [start];
  for (const { schema, name, list } of queue) {
    const shape = shapeOf(schema);
    if (shape.kind === "list") queue.push({ schema: shape.item, name, list: true });
    if (shape.kind !== "table") continue;
    const meant = shape.keys.get(key);
    if (meant !== undefined) return placeOf(meant, key, { schema, name, list });
    for (const [below, inner] of shape.keys) {
      queue.push({ schema: inner, name: nameBelow(name, below), list: false });
    }
  }
  return undefined;
}

/** What to write for a table called `key`, or which table has the key of that name. */
function placeOf(meant: Schema, key: string, { name, list }: Found): string {
  const whole = nameBelow(name, key);
  const shape = shapeOf(meant);
  if (shape.kind === "table") return `write [${whole}]`;
  if (shape.kind === "list" && shapeOf(shape.item).kind === "table") return `write [[${whole}]]`;
  if (name === "") return `"${key}" belongs into the top level, before the first [table]`;
  return `"${key}" belongs into ${list ? `[[${name}]]` : `[${name}]`}`;
}

function nameBelow(name: string, key: string): string {
  return name === "" ? key : `${name}.${key}`;
}

/** Whether `value` is of the type that the entries of a list have. */
function isEntry(item: Schema | undefined, value: unknown): boolean {
  if (item === undefined || typeof value === "object" || typeof value === "symbol") return false;
  const { error } = z.safeParse(item, value);
  return error?.issues.every(({ code }) => code !== "invalid_type") ?? true;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
