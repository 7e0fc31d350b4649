/** Threads that are lost between two changes of a queue, each change in turn. */
import assert from "node:assert/strict";
import { newMemory } from "./layout.ts";
import { queue } from "./queue.ts";
import { QueueMemory } from "./queue_memory.ts";
import { cutShort } from "./testing/cut_short.ts";

const THREADS = 3;
const LOST = { index: 1, count: THREADS };
const MAX = 2;

const call = () => ({ threads: THREADS, waitUntil: 0 });

/** Two permits, one of which thread 0 holds; thread 1 is the one that is lost. */
class Scene {
  readonly memory = newMemory(queue, { maxQueue: 8 }, THREADS);
  readonly live = new QueueMemory(this.memory, { index: 0, count: THREADS });
  readonly lost = new QueueMemory(this.memory, LOST);
  /** Requests of thread 0 that wait. */
  waiting = 0;

  constructor() {
    queue.apply?.(this.memory, { maxInFlight: MAX }, call());
    assert.ok(this.live.tryTake());
  }

  wait(): void {
    assert.notEqual(this.live.join(8), 0);
    this.waiting++;
  }

  reclaim(): void {
    queue.reclaim?.(this.memory, LOST, call());
  }

  /** Thread 0 goes on as if nothing had happened, and every permit is there. */
  assertWhole(what: string): void {
    const { live, waiting } = this;
    const first = Math.min(1, waiting);
    assert.deepEqual([live.grants, live.waiting], [first, waiting - first], what);
    for (let held = 1 + first; held > 0; held--) live.giveBack();
    for (let granted = first; granted < waiting; granted++) live.giveBack();
    assert.deepEqual([live.grants, live.waiting, live.inFlight], [waiting, 0, 0], what);
    assert.deepEqual([live.tryTake(), live.tryTake(), live.tryTake()], [true, true, false], what);
    for (let place = 0; place < 8; place++) assert.notEqual(live.join(8), 0, what);
    assert.equal(live.join(8), 0, what);
  }
}

/** What thread 1 does; `prepare` returns the call that is cut short. */
const CALLS: readonly (readonly [what: string, prepare: (scene: Scene) => () => unknown])[] = [
  ["takes a permit", ({ lost }) => () => lost.tryTake()],
  ["gives a permit back", ({ lost }) => {
    lost.tryTake();
    return () => lost.giveBack();
  }],
  ["gives a permit back that others wait for", (scene) => {
    scene.lost.tryTake();
    scene.wait();
    scene.wait();
    return () => scene.lost.giveBack();
  }],
  ["joins a queue", ({ lost }) => {
    lost.tryTake();
    return () => lost.join(8);
  }],
  ["joins a queue after others", (scene) => {
    scene.lost.tryTake();
    scene.wait();
    return () => scene.lost.join(8);
  }],
  ["joins a queue and is granted at once", ({ lost }) => () => lost.join(8)],
  ["leaves a queue between others", (scene) => {
    scene.lost.tryTake();
    scene.wait();
    const node = scene.lost.join(8);
    scene.wait();
    return () => scene.lost.leave(node, scene.lost.grants);
  }],
];

for (const [what, prepare] of CALLS) {
  Deno.test(`no permit and no waiter is lost with a thread that is lost at any step while it ${what}`, () => {
    for (let step = 1;; step++) {
      const scene = new Scene();
      const wasLost = cutShort("lost", step, prepare(scene));
      scene.reclaim();
      scene.assertWhole(`step ${step}`);
      if (!wasLost) return;
    }
  });
}

Deno.test("a reclaim that fails at any step does the rest when it is called again", () => {
  for (const [what, prepare] of CALLS) {
    for (let step = 1, wasLost = true; wasLost; step++) {
      for (let failing = 1, failed = true; failed; failing++) {
        const scene = new Scene();
        wasLost = cutShort("lost", step, prepare(scene));
        failed = cutShort("error", failing, () => scene.reclaim());
        scene.reclaim();
        scene.assertWhole(`${what}, step ${step}, then ${failing}`);
      }
    }
  }
});

Deno.test("a setting that fails at any step holds when it is made again", () => {
  for (let step = 1, failed = true; failed; step++) {
    const scene = new Scene();
    scene.lost.tryTake();
    scene.wait();
    scene.wait();
    const larger = () => queue.apply?.(scene.memory, { maxInFlight: 4 }, call());
    failed = cutShort("error", step, larger);
    larger();
    assert.deepEqual([scene.live.grants, scene.live.inFlight], [2, 4], `step ${step}`);
  }
});

Deno.test("what a lost thread does in its last turn is put right before its index is used again", () => {
  const scene = new Scene();
  scene.lost.tryTake();
  scene.reclaim();
  scene.lost.giveBack();
  scene.reclaim();
  scene.assertWhole("given back twice");
});
