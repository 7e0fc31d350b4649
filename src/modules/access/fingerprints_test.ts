import assert from "node:assert/strict";
import fc from "fast-check";
import { Fingerprints } from "./fingerprints.ts";

const A = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const fingerprint = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex());

Deno.test("a fingerprint is found whatever its case", () => {
  assert.ok(new Fingerprints([A]).has(A));
  assert.ok(new Fingerprints([A]).has(A.toUpperCase()));
  assert.ok(new Fingerprints([A.toUpperCase()]).has(A));
});

Deno.test("one wrong digit anywhere is another fingerprint", () => {
  const set = new Fingerprints([A]);
  for (let i = 0; i < A.length; i++) {
    const wrong = A.slice(0, i) + (A[i] === "0" ? "1" : "0") + A.slice(i + 1);
    assert.equal(set.has(wrong), false, `digit ${i}`);
  }
});

Deno.test("text of another length is in no set", () => {
  const set = new Fingerprints([A]);
  for (const text of ["", A.slice(1), A + "0"]) assert.equal(set.has(text), false);
});

Deno.test("a set holds what it was made of and nothing else", () => {
  fc.assert(fc.property(fc.array(fingerprint), fingerprint, (members, other) => {
    const set = new Fingerprints(members);
    assert.ok(members.every((member) => set.has(member)));
    assert.equal(set.has(other), members.includes(other));
    assert.equal(set.empty, members.length === 0);
  }));
});
