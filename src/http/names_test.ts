import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldName } from "./names.ts";

function read(name: string): string {
  const text = `xx${name}: value`;
  const bytes = new TextEncoder().encode(text);
  return fieldName(bytes, 2, 2 + name.length, text, 0);
}

Deno.test("common names come out in lower case, however they are written", () => {
  for (const name of ["Host", "HOST", "content-LENGTH", "X-Forwarded-For", "ETag", "te", "dnt"]) {
    assert.equal(read(name), name.toLowerCase());
  }
});

Deno.test("any token comes out as itself in lower case", () => {
  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,30}$/);
  fc.assert(fc.property(token, (name) => assert.equal(read(name), name.toLowerCase())));
});

Deno.test("characters that differ from a common name's in bit 5 only are distinguished", () => {
  for (const name of ["x-real_ip", "hos^", "accep~", "-ost"]) assert.equal(read(name), name);
});
