/**
 * Ways out of the mistakes that are made most (spec 01 section 1.6).
 *
 * @module
 */
import { knownTables } from "./absent.ts";
import { nearestWord } from "./did_you_mean.ts";
import { type Path, type Schema, schemaAt, shapeOf } from "./schema_walk.ts";

/** Tables with more keys than this are looked up in the documents rather than listed in a message. */
const MAX_NAMES_SHOWN = 20;

/** What to write instead of the unknown key `key` in the table at `path`. */
export function unknownKeyHint(root: Schema, path: Path, key: string): string | undefined {
  const here = path.filter((part) => typeof part === "string").join(".");
  if (here === "vhosts.routes" && key === "action") {
    return "a route's action is the table it has: redirect, proxy, web or php";
  }
  if (here === "vhosts.tls" && key === "certificates") {
    return "a vhost has one certificate: write [vhosts.tls.certificate]";
  }
  const near = meantKey(root, path, key);
  if (near !== undefined) return `did you mean "${near}"?`;
  const elsewhere = tableWith(root, key);
  if (elsewhere !== undefined) return `"${key}" belongs into ${elsewhere}`;
  const names = namesAt(root, path);
  return names.length <= MAX_NAMES_SHOWN ? `what may stand here: ${names.join(", ")}` : undefined;
}

/** The key of the table at `path` that `key` is nearest to. */
export function meantKey(root: Schema, path: Path, key: string): string | undefined {
  return nearestWord(key, namesAt(root, path));
}

/** What to write where a table stands for a list of tables, or the other way round. */
export function wrongShapeHint(path: Path, expected: string, input: unknown): string | undefined {
  const name = path.filter((part) => typeof part === "string").join(".");
  if (expected === "array" && isObject(input)) {
    return `write [[${name}]] with two brackets: it is a list of tables`;
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
  if (here === "") return [...names, ...knownTables("root")];
  if (here === "vhosts") return [...names, ...knownTables("vhost")];
  if (here === "vhosts.routes") return [...names, ...knownTables("route")];
  return names;
}

/** The first table, as its header is written, that has a key called `key`; breadth first. */
function tableWith(root: Schema, key: string): string | undefined {
  const queue: { readonly schema: Schema; readonly name: string; readonly list: boolean }[] = [
    { schema: root, name: "", list: false },
  ];
  for (const { schema, name, list } of queue) {
    const shape = shapeOf(schema);
    if (shape.kind === "list") queue.push({ schema: shape.item, name, list: true });
    if (shape.kind !== "table") continue;
    if (shape.keys.has(key)) {
      if (name === "") return "the top level, before the first [table]";
      return list ? `[[${name}]]` : `[${name}]`;
    }
    for (const [below, inner] of shape.keys) {
      queue.push({ schema: inner, name: name === "" ? below : `${name}.${below}`, list: false });
    }
  }
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
