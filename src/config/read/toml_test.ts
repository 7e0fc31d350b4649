import assert from "node:assert/strict";
import { TomlDate } from "smol-toml";
import { Origins } from "./origins.ts";
import { parseToml } from "./toml.ts";
import type { Table } from "../schema/schema_walk.ts";
import type { Problem } from "../types.ts";

function table(text: string): Table {
  const parsed = parseToml(text, "/f.toml", new Origins());
  assert.ok(parsed.ok);
  return parsed.table;
}

function problem(text: string): Problem {
  const parsed = parseToml(text, "/f.toml", new Origins());
  assert.ok(!parsed.ok);
  return parsed.problem;
}

Deno.test("integers are exact numbers", () => {
  assert.equal(table("a = 9007199254740991").a, 2 ** 53 - 1);
});

Deno.test("an integer beyond 2^53 never becomes a number", () => {
  assert.equal(typeof table("a = 9007199254740993").a, "symbol");
});

Deno.test("a float never passes for an integer", () => {
  assert.equal(String(table("a = 1.0").a), "Symbol(the float 1.0)");
});

Deno.test("an offset date-time is a date, a local one is not", () => {
  assert.ok(table("a = 2026-01-31T00:00:00+01:00").a instanceof TomlDate);
  assert.equal(typeof table("a = 2026-01-31T00:00:00").a, "symbol");
  assert.equal(typeof table("a = 2026-01-31").a, "symbol");
});

Deno.test("__proto__ is a key like any other", () => {
  const read = table('["__proto__"]\na = 1');
  assert.deepEqual(Object.keys(read), ["__proto__"]);
  assert.equal(Reflect.get({}, "a"), undefined);
});

Deno.test("a syntax error tells file, line, column and the key of the line", () => {
  const found = problem("a = 1\nb = = 2\n");
  assert.equal(found.file, "/f.toml");
  assert.equal(found.line, 2);
  assert.match(found.message, /not valid TOML: .* at column \d+ of b = …$/);
});

Deno.test("a duplicate key is an error", () => {
  assert.match(problem("a = 1\na = 2").hint ?? "", /only once/);
});

Deno.test("a syntax error shows no value of its line", () => {
  for (
    const text of [
      'set = { "x-key" = "SECRET123", , }',
      "token = SECRET123 x",
      'list = [\n"SECRET123" "b"]',
      'list = [\n["SECRET123" "b"]]',
      'key = """\nSECRET123= \\q"""',
      "SECRET123 = = 1",
      '"SECRET123" = = 1',
      "[a] SECRET123",
      'key = [\n[["SECRET123"]] x',
    ]
  ) {
    const parsed = parseToml(text, "a.toml", new Origins());
    assert.ok(!parsed.ok, text);
    assert.doesNotMatch(`${parsed.problem.message} ${parsed.problem.hint}`, /SECRET123/, text);
  }
});

Deno.test("[[vhosts]] after a table of a vhost gets a hint", () => {
  assert.match(
    problem("[vhosts.proxy]\na = 1\n[[vhosts]]\nb = 1").hint ?? "",
    /\[\[vhosts\]\] with two/,
  );
});

Deno.test("a single table with double brackets gets a hint", () => {
  const text = "[[vhosts]]\n[vhosts.proxy]\na = 1\n[[vhosts.proxy]]\n";
  assert.match(problem(text).hint ?? "", /\[vhosts.proxy\] with one bracket/);
});

Deno.test("a text without quotes gets a hint", () => {
  assert.match(problem("a = 127.0.0.1").hint ?? "", /quoted/);
});

Deno.test("a table's name whose bracket is not closed is reported, with how it is written", () => {
  const headers = [
    ["[server\nlisten = []", "[server]"],
    ["[server", "[server]"],
    ["[[vhosts # the shop\n", "[[vhosts]]"],
    ["[[vhosts]\nname = 'a'", "[[vhosts]]"],
    ['[vhosts."a b"\n', '[vhosts."a b"]'],
  ];
  for (const [text, meant] of headers) {
    const { message, hint } = problem(text);
    assert.match(
      message,
      /the bracket of the table's name is not closed at column \d+ of \[/,
      text,
    );
    assert.equal(hint, `write ${meant}`);
  }
  assert.doesNotMatch(problem("[ser ver]").message, /not closed/);
  assert.doesNotMatch(problem("a = [\n[1, 2\n").message, /not closed/);
});
