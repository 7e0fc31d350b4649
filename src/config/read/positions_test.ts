import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { type KeyPlace, keyPlaces } from "./positions.ts";

function lineOf(text: string, ...path: (string | number)[]): number | undefined {
  let place: KeyPlace | undefined = keyPlaces(text);
  for (const key of path) place = place?.children.get(key);
  return place?.line;
}

Deno.test("a key is in the line where it is written", () => {
  const text = '# comment\na = 1\n\n[b]\nc.d = "x"\n"q k" = 2\n';
  assert.equal(lineOf(text, "a"), 2);
  assert.equal(lineOf(text, "b"), 4);
  assert.equal(lineOf(text, "b", "c", "d"), 5);
  assert.equal(lineOf(text, "b", "q k"), 6);
});

Deno.test("each table of a list of tables has its own line", () => {
  const text =
    "[[v]]\nn = 1\n[v.t]\nx = 1\n[[v.r]]\n[[v.r]]\ny = 2\n[[v]]\nn = 2\n[[v.r]]\ny = 3\n";
  assert.equal(lineOf(text, "v", 0, "n"), 2);
  assert.equal(lineOf(text, "v", 0, "t", "x"), 4);
  assert.equal(lineOf(text, "v", 0, "r", 1, "y"), 7);
  assert.equal(lineOf(text, "v", 1, "n"), 9);
  assert.equal(lineOf(text, "v", 1, "r", 0, "y"), 11);
});

Deno.test("entries of lists and keys of inline tables are found", () => {
  const text = 'a = [\n  "x", # [not a header]\n  { b = 1, c = [ 2,\n 3 ] },\n]\nd = 1\n';
  assert.equal(lineOf(text, "a", 0), 2);
  assert.equal(lineOf(text, "a", 1, "b"), 3);
  assert.equal(lineOf(text, "a", 1, "c", 1), 4);
  assert.equal(lineOf(text, "d"), 6);
});

Deno.test("what looks like TOML inside of a string is not", () => {
  const text = [
    'a = """',
    "[x]",
    'b = "\\""" c',
    '"""',
    "d = '''",
    "e = 1",
    "''''",
    'f = "\\" = # [y]"',
    "g = 'C:\\'",
    "h = 1",
  ].join("\n");
  assert.doesNotThrow(() => parse(text));
  assert.equal(lineOf(text, "d"), 5);
  assert.equal(lineOf(text, "f"), 8);
  assert.equal(lineOf(text, "h"), 10);
  assert.equal(lineOf(text, "x"), undefined);
});

Deno.test("property: exactly the keys that the parser reads have a place", () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(fc.string()),
    fc.constant("[a]\nb = \"\"\"'''"),
  );
  const key = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/), fc.string({ minLength: 1 }));
  const { table } = fc.letrec((tie) => ({
    table: fc.dictionary(
      key.filter((name) => name !== "__proto__"),
      fc.oneof(
        { depthSize: "small" },
        leaf,
        tie("table"),
        fc.array(tie("table"), { maxLength: 3 }),
      ),
      { maxKeys: 5 },
    ),
  }));
  fc.assert(fc.property(table, (value) => {
    const text = stringify(value);
    assert.deepEqual(keysOf(keyPlaces(text)), keysOfValue(parse(text)));
  }));
});

interface Keys {
  [key: string]: Keys;
}

function keysOf(place: KeyPlace): Keys {
  return Object.fromEntries(
    [...place.children].map(([key, child]) => [String(key), keysOf(child)]),
  );
}

function keysOfValue(value: unknown): Keys {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, keysOfValue(child)]));
}
