/**
 * Warnings for what a configuration says and the gateway does not do: keys that this runtime has no use
 * for, and tables that are filled in and off. The schemas carry the knowledge, so that a rule stands
 * beside the key it is about; everything here works on the tables as they were written, since a value that
 * was only filled in by default asks for nothing.
 *
 * @module
 */
import type { z } from "zod";
import type { Origins } from "../read/origins.ts";
import { problemAt } from "./placing.ts";
import { inertKeys, protections } from "../schema/remarks.ts";
import {
  bare,
  isTable,
  layers,
  type Path,
  type Schema,
  shapeOf,
  type Table,
} from "../schema/schema_walk.ts";
import type { Problem } from "../types.ts";

/** Warnings for `root`, a merged configuration whose keys are all right; paths follow the schema. */
export function* withoutEffect(schema: Schema, root: Table, origins: Origins): Generator<Problem> {
  for (const { path, ...remark } of remarks(schema, root, [])) {
    const { message, hint, security } = remark;
    const problem = problemAt(root, origins, path, message, hint);
    yield { ...problem, warning: true, ...(security ? { security } : {}) };
  }
}

interface Remark {
  readonly path: Path;
  readonly message: string;
  readonly hint: string;
  readonly security: boolean;
}

/** @param isOff Whether a table around it is off, which has been said. */
function* remarks(schema: Schema, value: unknown, path: Path, isOff = false): Generator<Remark> {
  const inert = registered(inertKeys, schema);
  if (inert !== undefined && differsFromDefault(schema, value)) {
    const { because, instead } = inert;
    yield { path, message: `has no effect: ${because}`, hint: instead, security: false };
  }
  const shape = shapeOf(schema);
  if (shape.kind === "list" && Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* remarks(shape.item, item, [...path, i], isOff);
  }
  if (shape.kind !== "table" || !isTable(value)) return;
  const off = isOff ? undefined : offTable(schema, shape.keys, value);
  if (off !== undefined) yield { path, ...off };
  // What is in a table that is switched off asks for nothing more.
  if (shape.keys.has("enabled") && value.enabled === false) return;
  for (const [key, below] of shape.keys) {
    if (!Object.hasOwn(value, key)) continue;
    yield* remarks(below, value[key], [...path, key], isOff || off !== undefined);
  }
}

/** What there is to say about a table that is off. */
function offTable(
  schema: Schema,
  keys: ReadonlyMap<string, Schema>,
  table: Table,
): Omit<Remark, "path"> | undefined {
  const enabled = keys.get("enabled");
  if (enabled === undefined) return undefined;
  const written = Object.hasOwn(table, "enabled");
  const state = written ? table.enabled : bare(enabled).fallback;
  if (state !== false) return undefined;
  const protection = registered(protections, schema);
  const filled = [...keys].some(([key, below]) =>
    key !== "enabled" && Object.hasOwn(table, key) && asksForSomething(below, table[key])
  );
  if (!filled || (written && protection === undefined)) return undefined;
  const reason = written ? "by enabled = false" : "because enabled is not set";
  const effect = protection === undefined
    ? "nothing in it has an effect"
    : `no request is ${protection.undone}`;
  return {
    message: `is filled in, but off ${reason}: ${effect}`,
    hint: "write enabled = true, or take the table out",
    security: protection !== undefined,
  };
}

function asksForSomething(schema: Schema, value: unknown): boolean {
  if (registered(inertKeys, schema) !== undefined) return false;
  const shape = shapeOf(schema);
  if (shape.kind !== "table" || !isTable(value)) return differsFromDefault(schema, value);
  return [...shape.keys].some(([key, below]) =>
    Object.hasOwn(value, key) && asksForSomething(below, value[key])
  );
}

function differsFromDefault(schema: Schema, value: unknown): boolean {
  return JSON.stringify(value) !== JSON.stringify(bare(schema).fallback);
}

function registered<T extends object>(
  registry: z.core.$ZodRegistry<T>,
  schema: Schema,
): T | undefined {
  for (const layer of layers(schema)) {
    const found = registry.get(layer);
    if (found !== undefined) return found as T;
  }
  return undefined;
}
