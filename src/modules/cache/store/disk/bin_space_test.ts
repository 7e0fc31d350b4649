/** Free ranges of bins. */
import assert from "node:assert/strict";
import { BinSpace } from "./bin_space.ts";

Deno.test("ranges are taken first-fit, merged when they are free, and bins at the end go", () => {
  const space = new BinSpace(100, 250);
  const [a, b, c] = [40, 40, 40].map((length) => space.take(length)!);
  assert.deepEqual([a, b, c].map(({ bin, offset }) => [bin, offset]), [[0, 0], [0, 40], [1, 0]]);
  assert.equal(space.take(101), undefined);
  assert.deepEqual(space.use, {
    files: 2,
    bytes: 200,
    freeBytes: 80,
    freeRanges: 2,
    largestFreeBytes: 60,
  });
  space.free(a);
  space.free(b);
  const whole = space.take(100)!;
  assert.deepEqual([whole.bin, whole.offset], [0, 0]);
  space.free(c);
  assert.deepEqual(space.trim(), [1]);
  // The last bin is what is left of the whole.
  assert.equal(space.take(100)?.bin, 1);
  assert.equal(space.take(51), undefined);
  assert.equal(space.take(50)?.bin, 2);
});

Deno.test("A4: a range that is being read is taken by no other, however often it is freed", () => {
  const space = new BinSpace(100, 100);
  const range = space.take(100)!;
  range.readers++;
  space.free(range);
  space.free(range);
  assert.equal(space.take(1), undefined);
  space.unread(range);
  assert.deepEqual(space.trim(), [0]);
  assert.equal(space.take(100)?.length, 100);
  assert.equal(space.take(1), undefined);
});
