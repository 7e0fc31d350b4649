import assert from "node:assert/strict";
import { ExtensionPoint } from "./extension.ts";

Deno.test("a list has the values that were added to it, in their order, and no others", () => {
  const codings = new ExtensionPoint<string>("compression.codec");
  const probes = new ExtensionPoint<number>("health.probe");
  const added = [codings.entry("br"), probes.entry(1), codings.entry("gzip")];
  assert.deepEqual(codings.of(added), ["br", "gzip"]);
  assert.deepEqual(probes.of(added), [1]);
});

Deno.test("two lists of one name are two lists", () => {
  const one = new ExtensionPoint<string>("compression.codec");
  const other = new ExtensionPoint<string>("compression.codec");
  assert.deepEqual(other.of([one.entry("br")]), []);
});
