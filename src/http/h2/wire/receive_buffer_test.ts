import assert from "node:assert/strict";
import fc from "fast-check";
import { LARGE_BYTES } from "../../../net/buffers.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";

Deno.test("what is taken is what was put, in order, whatever the pieces", () => {
  const step = fc.oneof(
    fc.record({ put: fc.integer({ min: 0, max: 5000 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 5000 }) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const buffer = new ReceiveBuffer();
    let put = 0;
    let taken = 0;
    for (const each of steps) {
      if ("put" in each) {
        if (buffer.size + each.put > LARGE_BYTES) continue;
        const bytes = Uint8Array.from({ length: each.put + 2 }, (_, i) => (put + i - 1) & 0xff);
        buffer.put(bytes, 1, each.put + 1);
        put += each.put;
      } else {
        const into = new Uint8Array(each.take);
        const count = buffer.take(into);
        assert.equal(count, Math.min(each.take, put - taken));
        for (let i = 0; i < count; i++) assert.equal(into[i], (taken + i) & 0xff);
        taken += count;
      }
      assert.equal(buffer.size, put - taken);
    }
  }));
});

Deno.test("clearing tells how much was dropped", () => {
  const buffer = new ReceiveBuffer();
  buffer.put(new Uint8Array(10), 2, 9);
  assert.equal(buffer.clear(), 7);
  assert.equal(buffer.size, 0);
  assert.equal(buffer.take(new Uint8Array(10)), 0);
});
