import assert from "node:assert/strict";
import { NameTable } from "./name_table.ts";

const table = new NameTable([
  ["a.test", "exact"],
  ["*.a.test", "wild"],
  ["*.b.a.test", "longer"],
  ["x.b.a.test", "deep"],
  ["a.test", "second"],
], "fallback");

Deno.test("an exact name comes first", () => {
  assert.equal(table.get("a.test"), "exact");
  assert.equal(table.get("x.b.a.test"), "deep");
});

Deno.test("a star stands for exactly one label", () => {
  assert.equal(table.get("www.a.test"), "wild");
  assert.equal(table.get("y.b.a.test"), "longer");
  assert.equal(table.get("z.y.b.a.test"), "fallback");
  assert.equal(table.get(".a.test"), "fallback");
});

Deno.test("case and a trailing dot do not matter", () => {
  assert.equal(table.get("A.Test."), "exact");
  assert.equal(table.get("WWW.a.test."), "wild");
});

Deno.test("an unknown name and no name get the fallback", () => {
  for (const name of ["", ".", "test", "other.test", "*.a.test.x"]) {
    assert.equal(table.get(name), "fallback", name);
  }
  assert.equal(new NameTable([], undefined).get("a.test"), undefined);
});
