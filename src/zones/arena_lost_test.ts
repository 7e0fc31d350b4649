/** Threads that are lost between two changes of an arena, each change in turn. */
import assert from "node:assert/strict";
import { type Arena, arena, type Pin } from "./arena/arena.ts";
import { newMemory } from "./layout.ts";
import { cutShort } from "./testing/cut_short.ts";

const THREADS = 3;
const LOST = { index: 1, count: THREADS };
const KIB = 1024;
const PAGES = 3;
const BYTES = PAGES * 64 * KIB;

const call = () => ({ threads: THREADS, waitUntil: 0 });

function taken(blocks: Arena, bytes: number): Pin {
  const pin = blocks.take(bytes, 0);
  assert.ok(pin !== undefined);
  return pin;
}

/** A memory with a block that thread 0 has pinned and a table keeps; thread 1 is the one that is lost. */
function scene() {
  const memory = newMemory(arena, { bytes: BYTES }, THREADS);
  arena.apply?.(memory, { budgets: [BYTES] }, call());
  const live = arena.open(memory, { index: 0, count: THREADS });
  const lost = arena.open(memory, LOST);
  const shared = taken(live, 2 * KIB);
  shared.bytes.fill(7);
  live.keep(shared);
  return { memory, live, lost, shared };
}

type Scene = ReturnType<typeof scene>;

/** What thread 1 does; `prepare` returns the call that is cut short. */
const CALLS: readonly (readonly [what: string, prepare: (scene: Scene) => () => void])[] = [
  ["takes a block of a page in use", ({ lost }) => () => lost.take(2 * KIB, 0)],
  ["takes a block of a new page", ({ lost }) => () => lost.take(64 * KIB, 0)],
  ["takes the last block of a page", ({ live, lost }) => {
    for (let i = 0; i < 30; i++) taken(live, 2 * KIB);
    return () => lost.take(2 * KIB, 0);
  }],
  ["takes a page that was free again", ({ lost }) => {
    const pins = [taken(lost, 64 * KIB), taken(lost, 64 * KIB)];
    for (const pin of pins) lost.unpin(pin);
    return () => lost.take(32 * KIB, 0);
  }],
  ["pins a block", ({ lost, shared }) => () => lost.pin(shared.handle)],
  [
    "pins a block that is gone",
    ({ lost, shared }) => () =>
      lost.pin({ ...shared.handle, generation: shared.handle.generation + 1 }),
  ],
  ["gives back a block that others have", ({ lost, shared }) => {
    const pin = lost.pin(shared.handle);
    assert.ok(pin !== undefined);
    return () => lost.unpin(pin);
  }],
  ["gives back a block of its own", ({ lost }) => {
    const pin = taken(lost, 2 * KIB);
    return () => lost.unpin(pin);
  }],
  ["gives back a page of its own", ({ lost }) => {
    const pin = taken(lost, 64 * KIB);
    return () => lost.unpin(pin);
  }],
  ["drops what only a table keeps", ({ lost }) => {
    const pin = taken(lost, 16 * KIB);
    lost.keep(pin);
    lost.unpin(pin);
    return () => lost.drop(pin.handle);
  }],
];

/** Thread 0 goes on as if nothing had happened, and everything is there again. */
function assertWhole({ memory, live, shared }: Scene, what: string): void {
  const others = arena.open(memory, { index: 2, count: THREADS });
  const seen = others.pin(shared.handle);
  assert.ok(seen !== undefined && seen.bytes.every((byte) => byte === 7), what);
  others.unpin(seen);
  // Where the last call was that of a table that lets go, it may not have been made.
  const last = others.taken(0);
  live.drop(shared.handle);
  assert.equal(others.taken(0), last, what);
  live.unpin(shared);
  assert.equal(others.taken(0), last - 2 * KIB, what);
}

function fill(memory: SharedArrayBuffer): number {
  const others = arena.open(memory, { index: 2, count: THREADS });
  let pages = 0;
  while (others.take(64 * KIB, 0) !== undefined) pages++;
  return pages;
}

for (const [what, prepare] of CALLS) {
  Deno.test(`nothing is left of a thread that is lost at any step while it ${what}`, () => {
    for (let step = 1;; step++) {
      const at = scene();
      const pinned = what.startsWith("takes the last") ? 30 * 2 * KIB : 0;
      const act = prepare(at);
      const wasLost = cutShort("lost", step, act);
      arena.reclaim?.(at.memory, LOST, call());
      const name = `step ${step}`;
      const kept = at.live.taken(0) - pinned - 2 * KIB;
      if (what.startsWith("drops")) assert.ok(kept === 0 || step === 1, name);
      else assert.equal(kept, 0, name);
      assertWhole(at, name);
      if (pinned === 0 && kept === 0) assert.equal(fill(at.memory), PAGES, name);
      if (!wasLost) return;
    }
  });
}

Deno.test("a reclaim that fails at any step does the rest when it is called again", () => {
  for (const [what, prepare] of CALLS) {
    if (what.startsWith("drops")) continue;
    for (let step = 1; step < 16; step++) {
      for (let failing = 1;; failing++) {
        const at = scene();
        cutShort("lost", step, prepare(at));
        const failed = cutShort("error", failing, () => arena.reclaim?.(at.memory, LOST, call()));
        arena.reclaim?.(at.memory, LOST, call());
        assertWhole(at, `${what}, step ${step}, then ${failing}`);
        if (!what.startsWith("takes the last")) {
          assert.equal(fill(at.memory), PAGES, `${what}, step ${step}, then ${failing}`);
        }
        if (!failed) break;
      }
    }
  }
});

Deno.test("a call that fails at any step leaves an arena that others can use", () => {
  for (const [what, prepare] of CALLS) {
    for (let step = 1;; step++) {
      const at = scene();
      const failed = cutShort("error", step, prepare(at));
      // The error ends its thread, but the others need not wait for that.
      const others = arena.open(at.memory, { index: 2, count: THREADS });
      const held = new Int32Array(at.memory)[0] !== 0;
      if (!held) others.unpin(taken(others, 4 * KIB));
      arena.reclaim?.(at.memory, LOST, call());
      assertWhole(at, `${what}, step ${step}`);
      if (!failed) break;
    }
  }
});
