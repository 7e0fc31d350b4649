import assert from "node:assert/strict";
import { Fnv64, memberKey } from "./fnv.ts";

function hex({ high, low }: { readonly high: number; readonly low: number }): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

Deno.test("members have the keys of spec 03 section 23", () => {
  assert.equal(hex(memberKey("127.0.0.1:3001")), "10f11e0aa333ceec");
  assert.equal(hex(memberKey("127.0.0.1:3002")), "10f1210aa333d405");
  assert.equal(hex(memberKey("[::1]:8080")), "6b1c3d563eb3b59e");
});

Deno.test("a seed takes the place of the basis", () => {
  const hash = new Fnv64().start(0x01234567, 0x89abcdef).text("192.0.2.10");
  assert.equal(hex(hash), "67e8b8e67a13ae1e");
});

Deno.test("halves agree with 64-bit arithmetic, remainders too", () => {
  const mask = (1n << 64n) - 1n;
  let expected = 0xfedcba9876543210n;
  const hash = new Fnv64().start(0xfedcba98, 0x76543210);
  for (let i = 0; i < 1000; i++) {
    const byte = (i * 37) & 0xff;
    expected = ((expected ^ BigInt(byte)) * 0x100000001b3n) & mask;
    hash.byte(byte);
    assert.equal(hash.toBigInt(), expected);
    for (const n of [1, 3, 65_535, 65_537]) {
      assert.equal(hash.modulo(n), Number(expected % BigInt(n)));
    }
  }
});
