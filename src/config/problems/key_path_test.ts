import assert from "node:assert/strict";
import fc from "fast-check";
import { formatKey, isAtOrBelow, parseKey } from "./key_path.ts";

Deno.test("a path reads as an operator writes it", () => {
  assert.equal(formatKey(["vhosts", 1, "headers", "set", "x.y"]), 'vhosts[1].headers.set."x.y"');
  assert.equal(formatKey([]), "");
});

Deno.test("property: a path reads back from its text", () => {
  const part = fc.oneof(fc.string({ minLength: 1 }), fc.nat(1000));
  const path = fc.array(part).map((parts) => ["root", ...parts]);
  fc.assert(fc.property(path, (parts) => assert.deepEqual(parseKey(formatKey(parts)), parts)));
});

Deno.test("a path is at or below its beginnings", () => {
  assert.ok(isAtOrBelow(["a", 0, "b"], ["a", 0]));
  assert.ok(isAtOrBelow(["a"], ["a"]));
  assert.ok(!isAtOrBelow(["a"], ["a", 0]));
  assert.ok(!isAtOrBelow(["b", 0], ["a"]));
});
