import assert from "node:assert/strict";
import fc from "fast-check";
import { formatByteSize, parseByteSize } from "./units.ts";

Deno.test("every unit is a power of 1024, whatever its case and spelling", () => {
  for (const unit of ["k", "kb", "kib", "K", "KB", "KiB"]) {
    assert.equal(parseByteSize(`3${unit}`), 3072);
  }
  for (const unit of ["m", "mb", "MiB"]) assert.equal(parseByteSize(`1 ${unit}`), 2 ** 20);
  for (const unit of ["g", "Gb", "gib"]) assert.equal(parseByteSize(` 2 ${unit} `), 2 ** 31);
  for (const unit of ["", "b", "B"]) assert.equal(parseByteSize(`7${unit}`), 7);
});

Deno.test("fractions, signs, underscores, other units and no digits are refused", () => {
  for (const text of ["1.5k", "-1", "+1", "1_000", "1T", "k", "", "0x10", "1 k k", "1e3"]) {
    assert.equal(parseByteSize(text), undefined, text);
  }
});

Deno.test("a size that a double cannot hold exactly is refused", () => {
  assert.equal(parseByteSize("9007199254740991"), 2 ** 53 - 1);
  assert.equal(parseByteSize("9007199254740992"), undefined);
  assert.equal(parseByteSize("8388608GiB"), undefined);
  assert.equal(parseByteSize(-1), undefined);
});

Deno.test("property: a size in words reads back as the same number", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => {
    const text = formatByteSize(bytes).replace(/ bytes?$/, "");
    assert.equal(parseByteSize(text), bytes);
  }));
});
