/**
 * What a zod schema looks like from outside: tables with keys, lists, maps, choices and plain values.
 * Everything that reads schemas instead of values (path resolution, hints, documents) goes through
 * here, so only this file knows how zod wraps things.
 *
 * @module
 */
import { z } from "zod";

/** Any schema. */
export type Schema = z.core.$ZodType;

/** The shape of a schema without its wrappers. */
export type Shape =
  | { readonly kind: "table"; readonly keys: ReadonlyMap<string, Schema> }
  | { readonly kind: "list"; readonly item: Schema }
  | { readonly kind: "map"; readonly value: Schema }
  | { readonly kind: "choice"; readonly options: readonly Schema[] }
  | { readonly kind: "value"; readonly schema: Schema };

/** A schema without optional, default and transforming wrappers, and what they said. */
export interface Bare {
  readonly schema: Schema;
  readonly optional: boolean;
  /** What an absent key stands for; `undefined` when there is no default. */
  readonly fallback: unknown;
}

/** Key path from some table: names, and positions in lists. */
export type Path = readonly (string | number)[];

/** Takes the wrappers off a schema; of a transforming pipe the side that reads the file stays. */
export function bare(schema: Schema): Bare {
  let optional = false;
  let fallback: unknown;
  for (const layer of layers(schema)) {
    if (layer instanceof z.core.$ZodOptional) optional = true;
    if (layer instanceof z.core.$ZodDefault || layer instanceof z.core.$ZodPrefault) {
      optional = true;
      fallback ??= layer._zod.def.defaultValue;
    }
    if (inside(layer) === undefined) return { schema: layer, optional, fallback };
  }
  return { schema, optional, fallback };
}

/** A schema, what it wraps, what that wraps, to the one that wraps nothing. */
export function* layers(schema: Schema): Generator<Schema> {
  for (let layer: Schema | undefined = schema; layer !== undefined; layer = inside(layer)) {
    yield layer;
  }
}

function inside(schema: Schema): Schema | undefined {
  if (schema instanceof z.core.$ZodPipe) return schema._zod.def.in;
  const wraps = schema instanceof z.core.$ZodOptional || schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault || schema instanceof z.core.$ZodReadonly;
  return wraps ? schema._zod.def.innerType : undefined;
}

/** Schemas are looked at once for every value they describe: a large configuration has many. */
const shapes = new WeakMap<Schema, Shape>();

/** The shape of a schema. */
export function shapeOf(schema: Schema): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = newShape(schema);
  shapes.set(schema, shape);
  return shape;
}

function newShape(schema: Schema): Shape {
  const inner = bare(schema).schema;
  if (inner instanceof z.core.$ZodObject) {
    return { kind: "table", keys: new Map(Object.entries(inner._zod.def.shape)) };
  }
  if (inner instanceof z.core.$ZodArray) return { kind: "list", item: inner._zod.def.element };
  if (inner instanceof z.core.$ZodRecord) return { kind: "map", value: inner._zod.def.valueType };
  if (inner instanceof z.core.$ZodUnion) return { kind: "choice", options: inner._zod.def.options };
  return { kind: "value", schema: inner };
}

/** The schema at `path` below `schema`; `undefined` where it has no such key. */
export function schemaAt(schema: Schema, path: Path): Schema | undefined {
  if (path.length === 0) return schema;
  const shape = shapeOf(schema);
  const [key, ...rest] = path;
  switch (shape.kind) {
    case "table": {
      const below = shape.keys.get(String(key));
      return below === undefined ? undefined : schemaAt(below, rest);
    }
    case "list":
      return typeof key === "number" ? schemaAt(shape.item, rest) : undefined;
    case "map":
      return schemaAt(shape.value, rest);
    case "choice":
      return shape.options.map((option) => schemaAt(option, path)).find((found) => found);
    case "value":
      return undefined;
  }
}

/**
 * Visits every value of a configuration together with its schema, tables and lists before what is in
 * them. Keys that the schema does not know are passed over.
 */
export function walk(
  schema: Schema,
  value: unknown,
  visit: (found: Visited) => void,
  path: Path = [],
  parent?: Container,
): void {
  visit({ schema, value, path, parent });
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "table":
      if (!isTable(value)) return;
      for (const key of Object.keys(value)) {
        const below = shape.keys.get(key);
        if (below !== undefined) walk(below, value[key], visit, [...path, key], value);
      }
      return;
    case "map":
      if (!isTable(value)) return;
      for (const key of Object.keys(value)) {
        walk(shape.value, value[key], visit, [...path, key], value);
      }
      return;
    case "list":
      if (!Array.isArray(value)) return;
      for (let i = 0; i < value.length; i++) {
        walk(shape.item, value[i], visit, [...path, i], value);
      }
      return;
    case "choice":
      for (const option of shape.options) {
        if (couldBe(option, value)) walk(option, value, visit, path, parent);
      }
  }
}

/** A table or list of a configuration that is still being read. */
export type Container = Table | unknown[];

/** A table as TOML gives it. */
export interface Table {
  [key: string]: unknown;
}

/** One value met by {@linkcode walk}. */
export interface Visited {
  readonly schema: Schema;
  readonly value: unknown;
  readonly path: Path;
  /** The table or list it is in; its key there is the last of `path`. */
  readonly parent: Container | undefined;
}

/** Whether `value` is a table: neither a list, nor a date, nor a plain value. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function couldBe(option: Schema, value: unknown): boolean {
  const { kind } = shapeOf(option);
  if (isTable(value)) return kind === "table" || kind === "map";
  if (Array.isArray(value)) return kind === "list";
  return kind === "value" || kind === "choice";
}
