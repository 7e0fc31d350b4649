import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { isToken, segmentOf } from "./storage_names.ts";

function digest(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 16);
}

Deno.test("a segment is the readable name and the digest of the name as it was written", () => {
  for (
    const [name, readable] of [
      ["shop.example", "shop.example"],
      ["  Shop Example ", "shop-example"],
      ["a//b__c--d", "a-b__c-d"],
      ["*.example", "example"],
      ["..", "vhost"],
      ["ü", "vhost"],
      ["x".repeat(60), "x".repeat(48)],
      [`${"x".repeat(47)}-yy`, "x".repeat(47)],
    ]
  ) assert.equal(segmentOf(name), `${readable}-${digest(name)}`);
});

Deno.test("names that look alike have segments of their own", () => {
  assert.notEqual(segmentOf("Shop"), segmentOf("shop"));
});

Deno.test("a token is base64url of at most 256 bytes, and never a path", () => {
  for (const token of ["a", "A-Z_09", "t".repeat(256)]) assert.ok(isToken(token));
  for (const token of ["", ".", "..", "a/b", "a.b", "a\n", "t".repeat(257), "ä"]) {
    assert.ok(!isToken(token), token);
  }
});
