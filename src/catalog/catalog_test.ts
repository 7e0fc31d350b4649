import assert from "node:assert/strict";
import { z } from "zod";
import type { Module } from "../gateway/module.ts";
import { FOLDER_ORDER, MODULES, UNNAMED } from "./modules.ts";
import { MODULE_TABLES } from "./tables.ts";
import type { MergeRule } from "./types.ts";

/** One table in one scope, as far as a build that lacks its module has to know it. */
interface Entry {
  readonly place: string;
  readonly merge: MergeRule | undefined;
}

function entries(
  tables: readonly {
    readonly table: string;
    readonly scopes: readonly string[];
    readonly merge?: MergeRule;
  }[],
): Entry[] {
  return tables
    .flatMap(({ table, scopes, merge }) =>
      scopes.map((scope) => ({ place: `${table} in ${scope}`, merge }))
    )
    .sort((a, b) => a.place < b.place ? -1 : 1);
}

const modules: Module[] = [];
for (const folder of FOLDER_ORDER) {
  const face: { module: Module } = await import(`../modules/${folder}/module.ts`);
  modules.push(face.module);
}
const BUILT = [...MODULES, ...UNNAMED].filter(({ state }) => state.kind === "built");

Deno.test("the catalog has the tables of every module that is built, and they are the module's", () => {
  const known = entries(BUILT.flatMap(({ tables }) => tables));
  assert.deepEqual(known, entries(modules.flatMap(({ schema }) => schema)));
});

Deno.test("the catalog has the commands of every module that is built", () => {
  const known = BUILT.flatMap(({ commands }) => commands.map(({ name }) => name));
  const own = modules.flatMap(({ commands = [] }) => commands.map(({ name }) => name));
  assert.deepEqual(known.sort(), own.sort());
});

Deno.test("a table of the catalog is off by default where its schema says so", () => {
  const wrong = modules.flatMap(({ schema }) => schema).filter(({ table, schema }) => {
    const off = MODULE_TABLES.some((known) => known.table === table && known.offByDefault);
    assert.ok(schema instanceof z.ZodType);
    const parsed = schema.safeParse({}).data;
    const enabled = typeof parsed === "object" && parsed !== null
      ? Reflect.get(parsed, "enabled")
      : undefined;
    return off !== (enabled === false);
  });
  assert.deepEqual(wrong.map(({ table }) => table), []);
});
