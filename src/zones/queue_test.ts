import assert from "node:assert/strict";
import { newMemory } from "./layout.ts";
import { queue } from "./queue.ts";

const WORKERS = 3;

/** A pass of the keeper that does not wait for locks. */
const call = () => ({ threads: WORKERS, waitUntil: 0 });

function reclaim(memory: SharedArrayBuffer, index: number): void {
  queue.reclaim?.(memory, { index, count: WORKERS }, call());
}

/** Words of a zone that a worker which was taken over may write, and what the keeper then says. */
const FORGED:
  readonly (readonly [what: string, forge: (words: Int32Array) => void, said: RegExp])[] = [
    ["a queue that goes in a circle", (words) => {
      const first = 12 + WORKERS * 3;
      words[4] = 1;
      words[first] = 2;
      words[first + 2] = 1;
      words[first + 4] = 1;
      words[first + 4 + 2] = 1;
    }, /a queue without an end/],
    [
      "a head beyond the queue",
      (words) => words[4] = 1_000_000,
      /node 1000000 of \d+ in the queue/,
    ],
    [
      "a lock that another thread never frees",
      (words) => words[3] = 3,
      /a lock that is never freed/,
    ],
  ];

for (const [what, forge, said] of FORGED) {
  Deno.test(`${what} costs the keeper an error`, () => {
    const memory = newMemory(queue, { maxQueue: 8 }, WORKERS);
    queue.apply?.(memory, { maxInFlight: 1 }, call());
    assert.ok(queue.open(memory, { index: 0, count: WORKERS }).tryTake());
    forge(new Int32Array(memory));
    assert.throws(() => reclaim(memory, 2), said);
  });
}

Deno.test("a lock that is never freed costs a thread an error, and the next call no wait", () => {
  const memory = newMemory(queue, { maxQueue: 8 }, WORKERS);
  const permits = queue.open(memory, { index: 0, count: WORKERS });
  new Int32Array(memory)[3] = 3;
  const waiter = { granted() {}, expired() {} };
  for (let i = 0; i < 20; i++) {
    assert.throws(() => permits.join(8, 1000, waiter), /a lock that is never freed/);
  }
});

Deno.test("a zone full of garbage costs the keeper errors and no more", () => {
  const buffer = newMemory(queue, { maxQueue: 64 }, WORKERS);
  const words = new Int32Array(buffer);
  for (let round = 0; round < 500; round++) {
    const most = [4, 70, 2 ** 32][round % 3];
    for (let at = 0; at < words.length; at++) words[at] = Math.random() * most;
    words[3] = 0;
    for (
      const change of [
        () => reclaim(buffer, 1),
        () => queue.apply?.(buffer, { maxInFlight: 1_000_000 }, call()),
      ]
    ) {
      try {
        change();
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }
  }
});
