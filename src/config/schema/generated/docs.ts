/**
 * The reference of all keys as Markdown, made of the schemas that check them.
 *
 * @module
 */
import { z } from "zod";
import { assemble } from "../assemble.ts";
import { numberRange } from "../../problems/issues.ts";
import { bare, layers, type Schema, shapeOf } from "../schema_walk.ts";
import type { TableSchema } from "../../types.ts";
import { BYTE_SIZE_FORM, formatByteSize } from "../units.ts";
import {
  alias,
  authority,
  authorityOrSocket,
  fileMode,
  headerName,
  headerValue,
  hostName,
  hostPattern,
  httpUrl,
  ipAddress,
  ipMatcher,
  kindOf,
  label,
  listener,
  listenerOrSocket,
  pathValue,
  sha256,
  type ValueKind,
} from "../values.ts";

/** A table of keys, under every header it may have. */
interface Section {
  readonly headers: [string, ...string[]];
  readonly meaning: string;
  readonly rows: readonly string[];
}

const TOP_LEVEL = "Top level";
const HEAD = ["| key | type | default | allowed | meaning |", "| --- | --- | --- | --- | --- |"];

/** Formats that many keys share, described once. */
const FORMATS: readonly ValueKind[] = [
  listener(),
  listenerOrSocket(),
  fileMode(),
  authority(),
  authorityOrSocket(),
  ipMatcher(),
  ipAddress(),
  hostName(),
  hostPattern(),
  pathValue(),
  headerName(),
  headerValue(),
  httpUrl(),
  alias(),
  label(),
  sha256(),
].flatMap((schema) => kindOf(schema) ?? []);

const INTRODUCTION = `# Configuration reference

Generated from the schemas that check a configuration: \`deno task docs\`.

\`--config\` names a TOML file, or a directory whose visible \`.toml\` files are loaded in byte order of
their names, and after them those of its \`conf.d\`. A single file may ask for the \`conf.d\` beside it with
\`include_conf_d = true\`. Later files add vhosts and override tables; a relative path starts at the
directory of the file it is in. Files, directories and everything above them must belong to root or
the service user and not be writable by others.

Unknown keys are refused everywhere. \`fluxheim --check-config --config FILE\` reports everything that is
wrong in one run; \`fluxheim schema\` prints the JSON Schema for editors.

## Value formats
`;

/**
 * The whole reference: formats, then one section a table, in the order in which they are checked.
 * Tables that are allowed globally, in a vhost and in a route are described once.
 */
export function configReference(tables: readonly TableSchema[]): string {
  const sections: Section[] = [];
  collect(assemble(tables), "", sections);
  return [INTRODUCTION, formats(), ...sections.map(sectionText)].join("\n");
}

function formats(): string {
  const general = [
    `| byte size | ${BYTE_SIZE_FORM}; every unit is a power of 1024 |`,
    "| seconds, milliseconds | an integer; the unit is in the key |",
    "| safe path | no `..`, no symbolic link on the way, no comma, and not in `/dev`, `/proc` or " +
    "`/sys` ([why](permissions.md#paths-that-cannot-be-granted)) |",
    "| trusted parent | the nearest existing directory above is not writable by group or others |",
    "| trusted path | a safe path with a trusted parent, or one through symbolic links that no other " +
    "user can make or change ([how](tls.md#certificates-reached-by-links)) |",
  ];
  const shared = FORMATS.map(({ type, allowed }) => `| ${type} | ${cell(allowed ?? "")} |`);
  return ["| format | is |", "| --- | --- |", ...general, ...shared, ""].join("\n");
}

function sectionText({ headers: [first, ...others], meaning, rows }: Section): string {
  const also = others.length === 0 ? "" : `Also ${others.map(code).join(" and ")}.`;
  const about = [meaning, also].filter((text) => text !== "").flatMap((text) => [text, ""]);
  return [`## ${first === TOP_LEVEL ? first : code(first)}`, "", ...about, ...HEAD, ...rows, ""]
    .join("\n");
}

/** Adds the section of a table, then those of the tables in it. */
function collect(schema: Schema, name: string, sections: Section[]): void {
  const shape = shapeOf(schema);
  const list = shape.kind === "list";
  const table = list ? shapeOf(shape.item) : shape;
  if (table.kind !== "table") return;
  const rows: string[] = [];
  const below: (readonly [Schema, string])[] = [];
  for (const [key, value] of table.keys) {
    const path = name === "" ? key : `${name}.${key}`;
    if (isTableLike(value)) below.push([value, path]);
    else rows.push(row(key, value));
  }
  if (rows.length > 0) addSection(header(name, list), meaningOf(schema), rows, sections);
  for (const [value, path] of below) collect(value, path, sections);
}

function addSection(
  header: string,
  meaning: string,
  rows: readonly string[],
  sections: Section[],
): void {
  const same = sections.find((section) =>
    section.rows.join("\n") === rows.join("\n") && baseName(section.headers[0]) === baseName(header)
  );
  if (same === undefined) sections.push({ headers: [header], meaning, rows });
  else same.headers.push(header);
}

function row(key: string, schema: Schema): string {
  const { optional, fallback } = bare(schema);
  const standard = !optional ? "required" : fallback === undefined ? "" : code(defaultText(schema));
  const cells = [code(key), typeOf(schema), standard, allowedOf(schema), meaningOf(schema)];
  return `| ${cells.map(cell).join(" | ")} |`;
}

/** `integer`, `list of listener`, `map of header value`. */
function typeOf(schema: Schema): string {
  const kind = kindOf(schema)?.type;
  if (kind !== undefined) return kind;
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "list":
      return `list of ${typeOf(shape.item)}`;
    case "map":
      return `map of ${typeOf(shape.value)}`;
    case "choice":
      return shape.options.map(typeOf).join(" or ");
    case "table":
      return "table";
    case "value":
      return valueType(shape.schema);
  }
}

function valueType(schema: Schema): string {
  if (schema instanceof z.core.$ZodBoolean) return "boolean";
  if (schema instanceof z.core.$ZodNumber) return "integer";
  if (schema instanceof z.core.$ZodEnum) return "word";
  if (schema instanceof z.core.$ZodLiteral) {
    return typeof schema._zod.def.values[0] === "number"
      ? "integer"
      : typeof schema._zod.def.values[0];
  }
  if (schema instanceof z.core.$ZodDate) return "offset date-time";
  return "string";
}

function allowedOf(schema: Schema): string {
  const kind = kindOf(schema)?.allowed;
  if (kind !== undefined) return FORMATS.some(({ allowed }) => allowed === kind) ? "" : kind;
  const shape = shapeOf(schema);
  if (shape.kind === "list") {
    return [listBounds(schema), allowedOf(shape.item)].filter((part) => part !== "").join("; ");
  }
  if (shape.kind === "map") return allowedOf(shape.value);
  if (shape.kind === "choice") return shape.options.map(allowedOf).filter(Boolean).join(" or ");
  const inner = bare(schema).schema;
  if (inner instanceof z.core.$ZodEnum) {
    return Object.values(inner._zod.def.entries).map(code).join(", ");
  }
  if (inner instanceof z.core.$ZodLiteral) return inner._zod.def.values.map(code).join(", ");
  return numberRange(schema) ?? "";
}

function listBounds(schema: Schema): string {
  let least = 0;
  let most: number | undefined;
  for (const check of bare(schema).schema._zod.def.checks ?? []) {
    if (check instanceof z.core.$ZodCheckMinLength) least = check._zod.def.minimum;
    if (check instanceof z.core.$ZodCheckMaxLength) most = check._zod.def.maximum;
  }
  if (most === undefined) return least === 0 ? "" : `at least ${least} entries`;
  return least === 0 ? `at most ${most} entries` : `${least} to ${most} entries`;
}

function defaultText(schema: Schema): string {
  const { fallback } = bare(schema);
  const bytes = kindOf(schema)?.type === "byte size" && typeof fallback === "number";
  return bytes ? formatByteSize(fallback) : JSON.stringify(fallback);
}

function meaningOf(schema: Schema): string {
  for (const layer of layers(schema)) {
    const description = z.globalRegistry.get(layer)?.description;
    if (description !== undefined) return description;
  }
  return "";
}

function isTableLike(schema: Schema): boolean {
  const shape = shapeOf(schema);
  return shape.kind === "table" || (shape.kind === "list" && shapeOf(shape.item).kind === "table");
}

function header(name: string, list: boolean): string {
  if (name === "") return TOP_LEVEL;
  return list ? `[[${name}]]` : `[${name}]`;
}

/** A header without the scope it is in: `[vhosts.routes.proxy]` gives `[proxy]`. */
function baseName(header: string): string {
  return header.replace(/vhosts\.(routes\.)?/, "");
}

/** Text for a cell of a table. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}
