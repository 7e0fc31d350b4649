import assert from "node:assert/strict";
import { HalfSipHash } from "./half_siphash.ts";

/** Bytes 0, 1, 2, ... as little-endian words, as the published vectors are made of. */
function counting(words: number): Uint32Array {
  return new Uint32Array(Uint8Array.from({ length: words * 4 }, (_, i) => i).buffer);
}

function hex(hash: HalfSipHash): string {
  const bytes = new Uint8Array(Int32Array.of(hash.low, hash.high).buffer);
  return bytes.toHex();
}

Deno.test("HalfSipHash-2-4 gives the published 64-bit vectors", () => {
  const [k0, k1] = counting(2);
  const hash = new HalfSipHash(k0, k1);
  const expected = ["218d1f59b9b83cc8", "d5e78a175be52ea1", "edfee820bce4858c"];
  for (const [words, vector] of expected.entries()) {
    hash.hash(counting(words), words);
    assert.equal(hex(hash), vector, `${words} words`);
  }
});

Deno.test("HalfSipHash depends on its key", () => {
  const words = counting(4);
  const [one, other] = [new HalfSipHash(1, 2), new HalfSipHash(1, 3)];
  one.hash(words, 4);
  other.hash(words, 4);
  assert.notEqual(hex(one), hex(other));
});
