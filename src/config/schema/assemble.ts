/**
 * One strict schema out of the gateway's own tables and those of the modules in this build.
 *
 * @module
 */
import { z } from "zod";
import { rootRank } from "../../catalog/tables.ts";
import { loggingSchema } from "./logging_schema.ts";
import { MAX_VHOSTS, serverSchema } from "./server_schema.ts";
import type { TableSchema, TableScope, ZodSchema } from "../types.ts";
import { MAX_ROUTES, routeShape, vhostShape } from "./vhost_schema.ts";

/** A shape in the making. */
interface Tables {
  [name: string]: z.ZodType;
}

/**
 * The schema of a whole file.
 *
 * @throws {Error} When two modules claim one table, or a module adds a key to a table that this build
 * lacks: a fault of the profile, not of a configuration.
 */
export function assemble(tables: readonly TableSchema[]): z.ZodObject {
  const route = z.strictObject({ ...routeShape, ...moduleTables(tables, "route") });
  const vhost = z.strictObject({
    ...vhostShape,
    ...moduleTables(tables, "vhost"),
    routes: z.array(route).max(MAX_ROUTES).default([])
      .describe("Routes; matched by kind and length, not by position."),
  });
  const root: Tables = {
    include_conf_d: z.boolean().optional().describe(
      "In the file that `--config` names: also load the files of the `conf.d` directory beside it.",
    ),
    ...moduleTables(tables, "root", {
      server: serverSchema.prefault({}),
      logging: loggingSchema.prefault({}),
    }),
    vhosts: z.array(vhost).max(MAX_VHOSTS).default([])
      .describe("Virtual hosts. Without one, the global tables make up a vhost `default`."),
  };
  const names = Object.keys(root).sort((a, b) => rootRank(a) - rootRank(b));
  return z.strictObject(Object.fromEntries(names.map((name) => [name, root[name]])));
}

/**
 * The tables that modules own in one scope, keys of dotted names put where they belong.
 *
 * @param core Tables of the gateway's own, which come out with the keys that modules add to them.
 */
function moduleTables(
  tables: readonly TableSchema[],
  scope: TableScope,
  core: Readonly<Tables> = {},
): Tables {
  const own: Tables = { ...core };
  const mine = tables.filter((table) => table.scopes.includes(scope));
  for (const { table, schema } of mine) {
    if (table.includes(".")) continue;
    if (Object.hasOwn(own, table)) throw new Error(`two modules own ${scope} table ${table}`);
    own[table] = optional(zodOf(schema, table));
  }
  // Shorter names first: "proxy.load_balance" must be there before "proxy.load_balance.queue".
  const nested = mine.filter(({ table }) => table.includes("."))
    .toSorted((a, b) => a.table.length - b.table.length);
  for (const { table, schema, ifPresent = false } of nested) {
    const [name, ...path] = table.split(".");
    if (ifPresent && !Object.hasOwn(own, name)) continue;
    if (!Object.hasOwn(own, name)) throw new Error(`${table} needs table ${name} in this build`);
    own[name] = withKey(own[name], path, optional(zodOf(schema, table)), table);
  }
  return own;
}

/** `schema` with one more key, under whatever wrappers it has. */
function withKey(
  schema: z.core.$ZodType,
  path: readonly string[],
  added: z.ZodType,
  name: string,
): z.ZodType {
  const [key, ...rest] = path;
  if (schema instanceof z.ZodOptional) {
    return withKey(schema.def.innerType, path, added, name).optional();
  }
  if (schema instanceof z.ZodPrefault) {
    return withKey(schema.def.innerType, path, added, name).prefault(schema.def.defaultValue);
  }
  if (schema instanceof z.ZodDefault) {
    return described(
      withKey(schema.def.innerType, path, added, name).default(schema.def.defaultValue),
      schema,
    );
  }
  // A list of tables: the key is one of each of them.
  if (schema instanceof z.ZodArray) {
    const element = withKey(schema.def.element, path, added, name);
    return described(schema.clone({ ...schema.def, element }), schema);
  }
  if (!(schema instanceof z.ZodObject)) throw new Error(`${name}: its table takes no more keys`);
  const shape: Record<string, z.core.$ZodType> = schema.shape;
  if (rest.length === 0) {
    if (Object.hasOwn(shape, key)) throw new Error(`two modules own ${name}`);
    return described(schema.safeExtend({ [key]: added }), schema);
  }
  if (!Object.hasOwn(shape, key)) throw new Error(`${name} needs a table ${key} in this build`);
  return described(schema.safeExtend({ [key]: withKey(shape[key], rest, added, name) }), schema);
}

/** Extending makes a new schema, which starts without the description of the old one. */
function described(schema: z.ZodType, old: z.ZodType): z.ZodType {
  return old.description === undefined ? schema : schema.describe(old.description);
}

/** @throws {Error} When it is not of zod 4: a fault of the module. */
function zodOf(schema: ZodSchema, table: string): z.ZodType {
  if (schema instanceof z.ZodType) return schema;
  throw new Error(`the schema of table ${table} is not one of zod 4`);
}

/** A table may always be left out. */
function optional(schema: z.ZodType): z.ZodType {
  return schema.safeParse(undefined).success ? schema : schema.optional();
}
