import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRange } from "./ranges.ts";

const position = fc.nat(2000);
const length = fc.integer({ min: 1, max: 1000 });

Deno.test("ranges: first and last position, both inclusive", () => {
  assert.deepEqual(parseRange("bytes=0-0", 10), { first: 0, last: 0 });
  assert.deepEqual(parseRange("bytes=2-5", 10), { first: 2, last: 5 });
});

Deno.test("ranges: an open end is the end of the representation", () => {
  assert.deepEqual(parseRange("bytes=3-", 10), { first: 3, last: 9 });
});

Deno.test("ranges: a suffix counts from the end and may be longer than the whole", () => {
  assert.deepEqual(parseRange("bytes=-4", 10), { first: 6, last: 9 });
  assert.deepEqual(parseRange("bytes=-40", 10), { first: 0, last: 9 });
});

Deno.test("ranges: a last position past the end is the end", () => {
  assert.deepEqual(parseRange("bytes=5-99999999999999999999999999", 10), { first: 5, last: 9 });
});

Deno.test("ranges: the unit is compared without regard to case", () => {
  assert.deepEqual(parseRange("BYTES=1-2", 10), { first: 1, last: 2 });
});

Deno.test("ranges: several ranges are distinguished, also with broken ones among them", () => {
  for (const value of ["bytes=0-1,3-4", "bytes=0-1, x", "bytes=0-1,bytes=2-3"]) {
    assert.equal(parseRange(value, 10), "several", value);
  }
});

Deno.test("ranges: what begins past the end or is empty cannot be satisfied", () => {
  for (const value of ["bytes=10-", "bytes=10-12", "bytes=99999999999999999999-", "bytes=-0"]) {
    assert.equal(parseRange(value, 10), "unsatisfiable", value);
  }
});

Deno.test("ranges: nothing of an empty representation can be satisfied", () => {
  for (const value of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
    assert.equal(parseRange(value, 0), "unsatisfiable", value);
  }
});

Deno.test("ranges: other units and malformed ranges are invalid", () => {
  for (
    const value of [
      "",
      "bytes",
      "bytes=",
      "bytes=-",
      "bytes=a-b",
      "bytes=5-2",
      "bytes=1",
      "bytes=+1-2",
      "bytes=1-2-3",
      "bytes=1.5-2",
      "bytes= 1-2",
      "bytes =1-2",
      "bytes=0x1-2",
      "items=0-1",
      "0-1",
    ]
  ) assert.equal(parseRange(value, 10), "invalid", value);
});

Deno.test("ranges: a closed range is the same part that slicing gives", () => {
  fc.assert(fc.property(length, position, position, (size, a, b) => {
    const [first, last] = a <= b ? [a, b] : [b, a];
    const whole = Array.from({ length: size }, (_, i) => i);
    const expected = whole.slice(first, last + 1);
    const range = parseRange(`bytes=${first}-${last}`, size);
    if (expected.length === 0) return assert.equal(range, "unsatisfiable");
    assert.deepEqual(range, { first: expected[0], last: expected[expected.length - 1] });
  }));
});

Deno.test("ranges: a suffix is the same part that slicing from the end gives", () => {
  fc.assert(fc.property(length, position, (size, count) => {
    const expected = count === 0 ? [] : Array.from({ length: size }, (_, i) => i).slice(-count);
    const range = parseRange(`bytes=-${count}`, size);
    if (expected.length === 0) return assert.equal(range, "unsatisfiable");
    assert.deepEqual(range, { first: expected[0], last: expected[expected.length - 1] });
  }));
});

Deno.test("ranges: whatever is asked, a range lies within the representation", () => {
  const pieces = fc.constantFrom(
    "bytes=",
    "-",
    ",",
    "0",
    "1",
    "9",
    "99999999999999999999",
    " ",
    "x",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), fc.nat(20), (parts, size) => {
      const range = parseRange(parts.join(""), size);
      if (typeof range === "string") return;
      assert.ok(0 <= range.first && range.first <= range.last && range.last < size);
    }),
    { numRuns: 1000 },
  );
});
