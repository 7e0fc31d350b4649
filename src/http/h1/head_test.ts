import assert from "node:assert/strict";
import fc from "fast-check";
import { findHeadEnd } from "./head.ts";

/** The same by the standard library. */
function expected(text: string, from: number, end: number): number {
  const at = text.slice(from, end).indexOf("\r\n\r\n");
  return at < 0 ? -1 : from + at + 4;
}

Deno.test("the first CRLFCRLF within the bounds ends a head, wherever it stands", () => {
  const piece = fc.constantFrom("\r", "\n", "\r\n", "\r\n\r\n", "a", "bc", "\0");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join("")),
      fc.nat(8),
      fc.nat(8),
      (text, before, behind) => {
        const from = Math.min(before, text.length);
        const end = Math.max(from, text.length - behind);
        const found = findHeadEnd(new TextEncoder().encode(text), from, end);
        assert.equal(found, expected(text, from, end));
      },
    ),
    { numRuns: 5_000 },
  );
});
