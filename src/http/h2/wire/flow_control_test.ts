import assert from "node:assert/strict";
import fc from "fast-check";
import { ReceiveWindow } from "./flow_control.ts";

Deno.test("a sender may fill the window and not pass it", () => {
  const window = new ReceiveWindow(100);
  assert.ok(window.take(60));
  assert.ok(window.take(40));
  assert.equal(window.take(1), false);
});

Deno.test("credit is announced when it is half the window", () => {
  const window = new ReceiveWindow(100);
  window.take(100);
  assert.equal(window.give(49), 0);
  assert.equal(window.take(1), false);
  assert.equal(window.give(1), 50);
  assert.ok(window.take(50));
});

Deno.test("whatever comes and is read, no more than the window is ever open", () => {
  const step = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 120 }));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const window = new ReceiveWindow(100);
    let open = 100;
    let unread = 0;
    for (const [takes, count] of steps) {
      if (takes) {
        const mayTake = count <= open;
        assert.equal(window.take(count), mayTake);
        if (!mayTake) continue;
        open -= count;
        unread += count;
      } else {
        const read = Math.min(count, unread);
        unread -= read;
        open += window.give(read);
        assert.ok(open + unread <= 100);
        // Nothing unread and little on its way: the sender must be able to go on.
        if (unread === 0) assert.ok(open > 0);
      }
    }
  }));
});
