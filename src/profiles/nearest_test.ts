import assert from "node:assert/strict";
import { nearest } from "./nearest.ts";

Deno.test("finds the closest of several names", () => {
  assert.equal(nearest("vhost", ["vhosts", "hosts", "proxy"]), "vhosts");
});

Deno.test("finds nothing when every name is far", () => {
  assert.equal(nearest("wasm", ["compression", "geoip"]), undefined);
});

Deno.test("a short name needs a closer match than a long one", () => {
  assert.equal(nearest("ab", ["xyz", "abcd"]), undefined);
  assert.equal(nearest("aab", ["ab"]), "ab");
});
