/**
 * Values that a problem does not show: its text goes to the log, to the admin API and, of a reload that was
 * refused, to everyone who may ask the ops socket.
 *
 * @module
 */
import { kindOf } from "../schema/values.ts";
import { type Path, type Schema, schemaAt, shapeOf } from "../schema/schema_walk.ts";

/** Kinds of values that hold keys and passwords, or where a secret is easily written in place of its name. */
const KINDS: ReadonlySet<string> = new Set([
  "header value",
  "pattern",
  "table of strings",
  "environment variable",
  "credential",
]);

/** Names of keys that are about a secret: `token_env` with the token itself in it. */
const NAME = /token|secret|passw|hmac|credential|authorization|cookie|api[-_]?key/i;
/** A URL with a name and a password. */
const USER = /:\/\/[^/?#\s]*@/;

/**
 * Whether what was found at `path` may be a secret.
 *
 * @param root The schema that `path` begins in.
 */
export function mayBeSecret(value: unknown, path: Path, root: Schema): boolean {
  if (typeof value !== "string" && typeof value !== "number") return false;
  if (USER.test(String(value)) || path.some((part) => NAME.test(String(part)))) return true;
  const schema = schemaAt(root, path);
  return schema !== undefined && isOfKind(schema);
}

/** Whether it, or what it is a map, a list or a choice of, is of such a kind. */
function isOfKind(schema: Schema): boolean {
  const kind = kindOf(schema);
  if (kind?.type !== undefined) return KINDS.has(kind.type);
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "list":
      return isOfKind(shape.item);
    case "map":
      return isOfKind(shape.value);
    case "choice":
      return shape.options.some(isOfKind);
    default:
      return false;
  }
}

/** What a key of a configuration looks like, and the header of a table. */
const KEY = /^\s*([a-z0-9_.-]+)\s*=/;
const HEADER = /^\s*(\[{1,2}\s*[A-Za-z0-9_-]+(?:\.(?:[A-Za-z0-9_-]+|"[^"]*"?))*\s*\]{0,2})/;

/** As much of a source line as holds no value: its key, or the header of a table; `""` for nothing. */
export function shownSource(line: string): string {
  const [, key] = KEY.exec(line) ?? [];
  return key === undefined ? HEADER.exec(line)?.[1].trim() ?? "" : `${key} = …`;
}
