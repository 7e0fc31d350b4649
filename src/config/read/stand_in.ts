/**
 * Values that hold the place of required ones which are missing or wrong, so that the table around
 * them stays and the rules between tables are checked all the same.
 *
 * @module
 */
import { bare, type Schema, shapeOf, type Table } from "../schema/schema_walk.ts";
import { newTable } from "./toml.ts";
import { z } from "zod";

/** Texts that some kind of value accepts; `serial` keeps them apart from each other. */
function texts(serial: number): readonly string[] {
  const host = `stand-in-${serial}.invalid`;
  return [host, `/${host}`, `${host}:1`, `https://${host}/`];
}

/**
 * A value that `schema` accepts and that equals no other stand-in of another `serial`; `undefined`
 * where none is known.
 */
export function standIn(schema: Schema, serial: number): unknown {
  return candidates(schema, serial).find((value) => z.safeParse(schema, value).success);
}

function candidates(schema: Schema, serial: number): readonly unknown[] {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "table":
      return [requiredKeys(shape.keys, serial)];
    case "list":
      return [[], [standIn(shape.item, serial)]];
    case "map":
      return [newTable()];
    case "choice":
      return shape.options.map((option) => standIn(option, serial));
    case "value":
      return [...texts(serial), ...numbers(shape.schema), ...words(shape.schema), false];
  }
}

function requiredKeys(keys: ReadonlyMap<string, Schema>, serial: number): Table {
  const table = newTable();
  for (const [key, schema] of keys) {
    if (!bare(schema).optional) table[key] = standIn(schema, serial);
  }
  return table;
}

/** The least number that its bounds allow. */
function numbers(schema: Schema): number[] {
  return (schema._zod.def.checks ?? []).flatMap((check) =>
    check instanceof z.core.$ZodCheckGreaterThan ? [Number(check._zod.def.value)] : []
  );
}

function words(schema: Schema): unknown[] {
  if (schema instanceof z.core.$ZodEnum) return Object.values(schema._zod.def.entries);
  return schema instanceof z.core.$ZodLiteral ? [...schema._zod.def.values] : [];
}
