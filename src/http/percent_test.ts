import assert from "node:assert/strict";
import fc from "fast-check";
import { percentDecode, percentEncodeLiteral, percentEncodePath } from "./percent.ts";

Deno.test("decoding a text without escapes gives the same text", () => {
  assert.equal(percentDecode("/a b+c"), "/a b+c");
});

Deno.test("decoding reads UTF-8", () => {
  assert.equal(percentDecode("/caf%C3%a9%20x"), "/café x");
});

Deno.test("decoding refuses malformed escapes and bytes that are not UTF-8", () => {
  for (const text of ["%", "%4", "%zz", "%C3", "%C0%AE", "%ED%A0%80"]) {
    assert.equal(percentDecode(text), undefined, text);
  }
});

Deno.test("encoding a path keeps unreserved characters and slashes only", () => {
  assert.equal(percentEncodePath("/a-b_c.d~e/Z9"), "/a-b_c.d~e/Z9");
  assert.equal(percentEncodePath("a b%41!*'()é"), "a%20b%2541%21%2A%27%28%29%C3%A9");
});

Deno.test("encoding a literal keeps what may be in a path", () => {
  assert.equal(percentEncodeLiteral("/a:@!$&'()*+,;=~"), "/a:@!$&'()*+,;=~");
  assert.equal(percentEncodeLiteral('"<é>|%'), "%22%3C%C3%A9%3E%7C%25");
});

Deno.test("decoding gives back what was encoded", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      (text) => percentDecode(percentEncodePath(text)) === text,
    ),
  );
});
