import assert from "node:assert/strict";
import { jsonSchema } from "./json_schema.ts";
import { testTables, valueAt } from "../../testing/tables.ts";

const schema = jsonSchema(testTables);

function at(...keys: string[]): unknown {
  return valueAt(schema, ...keys.flatMap((key) => ["properties", key]));
}

Deno.test("a byte size is an integer or a string, with its default and its bounds", () => {
  const limit = at("server", "limits", "max_uri_bytes");
  assert.deepEqual(valueAt(limit, "default"), 8192);
  assert.match(String(valueAt(limit, "description")), /414\. Allowed: at least 1 byte\.$/);
  assert.deepEqual(valueAt(limit, "type"), ["integer", "string"]);
});

Deno.test("unknown keys are refused at every level", () => {
  assert.equal(valueAt(schema, "additionalProperties"), false);
  assert.equal(valueAt(at("server", "limits"), "additionalProperties"), false);
  assert.equal(valueAt(at("vhosts"), "items", "additionalProperties"), false);
});

Deno.test("tables of modules are in it, where they may be", () => {
  assert.notEqual(at("proxy", "upstream"), undefined);
  assert.notEqual(valueAt(at("vhosts"), "items", "properties", "proxy"), undefined);
  assert.equal(valueAt(at("vhosts"), "items", "properties", "stream"), undefined);
});

Deno.test("only what must be written is required", () => {
  assert.equal(valueAt(schema, "required"), undefined);
  assert.deepEqual(valueAt(at("vhosts"), "items", "required"), ["name", "hosts"]);
});

Deno.test("it is plain JSON", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
});
