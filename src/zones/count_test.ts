import assert from "node:assert/strict";
import { type Count, count } from "./count.ts";
import { newMemory } from "./layout.ts";

const THREADS = 2;

/** A memory as both threads see it. */
function both(): { memory: SharedArrayBuffer; first: Count; second: Count } {
  const memory = newMemory(count, undefined, THREADS);
  const [first, second] = [0, 1].map((index) => count.open(memory, { index, count: THREADS }));
  return { memory, first, second };
}

function reclaim(memory: SharedArrayBuffer, index: number): void {
  count.reclaim?.(memory, { index, count: THREADS }, { threads: THREADS, waitUntil: 0 });
}

Deno.test("a count gives as many as there may be, to all threads together", () => {
  const { first, second } = both();
  assert.deepEqual([first.tryTake(2), second.tryTake(2), first.tryTake(2)], [true, true, false]);
  second.giveBack();
  assert.equal(first.tryTake(2), true);
  assert.equal(second.total, 2);
});

Deno.test("what a lost thread held is given back, once", () => {
  const { memory, first, second } = both();
  for (const thread of [first, first, second]) thread.tryTake(3);
  reclaim(memory, 0);
  reclaim(memory, 0);
  assert.equal(second.total, 1);
});

Deno.test("a count full of garbage costs no thread an error", () => {
  const { memory, first } = both();
  for (let round = 0; round < 1000; round++) {
    crypto.getRandomValues(new Uint8Array(12)).forEach((byte, i) =>
      new Uint8Array(memory)[i] = byte
    );
    if (first.tryTake(5)) first.giveBack();
    reclaim(memory, 1);
  }
});
