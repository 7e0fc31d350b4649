import assert from "node:assert/strict";
import { LARGE, LARGE_BYTES } from "../../../net/buffers.ts";
import { CollectedOutput } from "./output.ts";

/** Bytes that say where they stand. */
function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 31 % 251);
}

/** All that is left of a body, read in parts of `size`. */
function rest(body: CollectedOutput, size: number): Uint8Array {
  const parts: number[] = [];
  const into = new Uint8Array(size);
  for (let count = body.read(into); count !== null; count = body.read(into)) {
    assert.ok(count > 0);
    parts.push(...into.subarray(0, count));
  }
  return Uint8Array.from(parts);
}

Deno.test("collected output is what was appended, however it was cut and is read", () => {
  for (const length of [0, 1, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 2 * LARGE_BYTES]) {
    for (const cut of [1000, LARGE_BYTES, 3 * LARGE_BYTES]) {
      for (const size of [777, LARGE_BYTES, 5 * LARGE_BYTES]) {
        const bytes = numbered(length);
        const body = new CollectedOutput();
        for (let at = 0; at < length; at += cut) body.append(bytes.subarray(at, at + cut));
        assert.equal(body.length, length);
        assert.deepEqual(rest(body, size), bytes, `${length} bytes cut by ${cut}, read by ${size}`);
      }
    }
  }
});

Deno.test("collected output gives its buffers back as it is read, and when it is given up", () => {
  const body = new CollectedOutput();
  body.append(numbered(2 * LARGE_BYTES + 5));
  const into = new Uint8Array(LARGE_BYTES);
  body.read(into);
  const first = LARGE.take();
  assert.deepEqual(first, into);
  LARGE.give(first);
  body.cancel();
  const [last, second] = [LARGE.take(), LARGE.take()];
  assert.deepEqual(last.subarray(0, 5), numbered(2 * LARGE_BYTES + 5).subarray(-5));
  assert.deepEqual(second, numbered(2 * LARGE_BYTES).subarray(LARGE_BYTES));
  LARGE.give(second);
  LARGE.give(last);
  assert.throws(() => body.read(into), /given up/);
});
