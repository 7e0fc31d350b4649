import assert from "node:assert/strict";
import { BUILT_IN_ISSUERS, decodeHmacKey } from "./issuers.ts";

Deno.test("an HMAC key is read in both alphabets, with and without padding", () => {
  const key = Uint8Array.of(251, 255, 254, 1);
  for (const text of ["-__-AQ", "-__-AQ==", "+//+AQ", "+//+AQ==", " -__-AQ\n"]) {
    assert.deepEqual(decodeHmacKey(text), key, text);
  }
});

Deno.test("text that is not an HMAC key is refused", () => {
  for (const text of ["", "  ", "a", "-/AA", "AA=", "AA AA", "A".repeat(4100), "ä"]) {
    assert.equal(decodeHmacKey(text), undefined, text);
  }
});

Deno.test("built-in issuers have names of their own and HTTPS directories", () => {
  assert.equal(new Set(BUILT_IN_ISSUERS.map(({ name }) => name)).size, BUILT_IN_ISSUERS.length);
  for (const { directoryUrl } of BUILT_IN_ISSUERS) assert.match(directoryUrl, /^https:\/\//);
});
