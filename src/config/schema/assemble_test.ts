import assert from "node:assert/strict";
import { z } from "zod";
import { rootRank } from "../../catalog/tables.ts";
import { assemble } from "./assemble.ts";
import { schemaAt } from "./schema_walk.ts";
import { testTables } from "../testing/tables.ts";
import type { TableSchema } from "../types.ts";

const extra = z.strictObject({ a: z.int().optional() });

Deno.test("a table is in the scopes of its module only", () => {
  const schema = assemble(testTables);
  assert.ok(schemaAt(schema, ["stream"]) !== undefined);
  assert.equal(schemaAt(schema, ["vhosts", 0, "stream"]), undefined);
  assert.ok(schemaAt(schema, ["vhosts", 0, "routes", 0, "proxy"]) !== undefined);
});

Deno.test("a table may differ from scope to scope", () => {
  const tables: TableSchema[] = [
    { table: "t", scopes: ["root"], schema: extra },
    { table: "t", scopes: ["vhost"], schema: z.strictObject({ b: z.int().optional() }) },
  ];
  const schema = assemble(tables);
  assert.ok(schemaAt(schema, ["t", "a"]) !== undefined);
  assert.ok(schemaAt(schema, ["vhosts", 0, "t", "b"]) !== undefined);
  assert.equal(schemaAt(schema, ["vhosts", 0, "t", "a"]), undefined);
});

Deno.test("a dotted table adds a key, however deep, and keeps the rules of the table", () => {
  const schema = assemble([
    { table: "p.q.r", scopes: ["root"], schema: z.int() },
    {
      table: "p",
      scopes: ["root"],
      schema: z.strictObject({ q: extra.prefault({}) }).refine(({ q }) => q.a !== 13).optional(),
    },
  ]);
  assert.ok(schema.safeParse({ p: { q: { r: 1 } } }).success);
  assert.ok(!schema.safeParse({ p: { q: { r: 1, a: 13 } } }).success);
  assert.ok(!schema.safeParse({ p: { q: { s: 1 } } }).success);
});

Deno.test("a table may always be left out", () => {
  assert.ok(assemble([{ table: "t", scopes: ["root"], schema: extra }]).safeParse({}).success);
});

Deno.test("tables that cannot be put together are a fault of the profile", () => {
  const table = (name: string): TableSchema => ({ table: name, scopes: ["root"], schema: extra });
  assert.throws(() => assemble([table("a"), table("a")]), /two modules own root table a/);
  assert.throws(() => assemble([table("a"), table("a.a")]), /two modules own a.a/);
  assert.throws(() => assemble([table("a.b")]), /a.b needs table a/);
  assert.throws(() => assemble([table("a"), table("a.b.c")]), /needs a table b/);
});

Deno.test("tables of ours are before vhosts and behind those of the 1.5 line", () => {
  assert.ok(rootRank("udp") < rootRank("ours") && rootRank("ours") < rootRank("vhosts"));
  assert.ok(rootRank("server") < rootRank("proxy"));
});
