import assert from "node:assert/strict";
import { type Arena, arena, MAX_BLOCK_BYTES, MAX_PINS, type Pin } from "./arena.ts";
import { newMemory } from "../layout.ts";

const THREADS = 4;
const KIB = 1024;
const MIB = KIB * KIB;

const call = () => ({ threads: THREADS, waitUntil: 0 });

function newArena(bytes = MIB, budgets: readonly number[] = [bytes, bytes]) {
  const memory = newMemory(arena, { bytes }, THREADS);
  arena.apply?.(memory, { budgets }, call());
  const open = (index: number) => arena.open(memory, { index, count: THREADS });
  return { memory, open, first: open(0), second: open(1) };
}

function taken(blocks: Arena, bytes: number, instance = 0): Pin {
  const pin = blocks.take(bytes, instance);
  assert.ok(pin !== undefined);
  return pin;
}

Deno.test("a block is seen by the other threads as long as something refers to it", () => {
  const { first, second } = newArena();
  const pin = taken(first, 5000);
  assert.equal(pin.bytes.length, 8 * KIB);
  pin.bytes.fill(7);
  assert.ok(first.keep(pin));
  first.unpin(pin);
  const seen = second.pin(pin.handle);
  assert.ok(seen !== undefined && seen.bytes.every((byte) => byte === 7));
  first.drop(pin.handle);
  assert.equal(first.taken(0), 8 * KIB, "it is pinned");
  second.unpin(seen);
  assert.equal(first.taken(0), 0);
  assert.equal(second.pin(pin.handle), undefined);
});

Deno.test("a handle that is older than its block finds nothing", () => {
  const { first, second } = newArena();
  const old = taken(first, KIB);
  first.unpin(old);
  const next = taken(first, KIB);
  assert.equal(next.handle.block, old.handle.block);
  assert.equal(second.pin(old.handle), undefined);
  second.drop(old.handle);
  assert.equal(first.taken(0), KIB);
});

Deno.test("blocks of every size lie apart and fill the arena to the last byte", () => {
  const { first } = newArena();
  for (const size of [1, 2, 4, 8, 16, 32, 64]) {
    const pins: Pin[] = [];
    for (let pin = first.take(size * KIB, 0); pin !== undefined; pin = first.take(size * KIB, 0)) {
      pin.bytes.fill(pins.length);
      pins.push(pin);
    }
    assert.equal(pins.length, MIB / KIB / size);
    for (const [i, { bytes }] of pins.entries()) {
      assert.ok(bytes.every((byte) => byte === (i & 255)));
    }
    for (const pin of pins) first.unpin(pin);
    assert.equal(first.taken(0), 0);
  }
});

Deno.test("an instance takes no more than its budget, and another one has its own", () => {
  const { memory, first, second } = newArena(MIB, [10 * KIB, 64 * KIB]);
  const pins = [taken(first, 8 * KIB), taken(second, 2 * KIB)];
  assert.equal(first.take(1, 0), undefined);
  taken(first, 64 * KIB, 1);
  arena.apply?.(memory, { budgets: [11 * KIB] }, call());
  pins.push(taken(first, 1));
  assert.equal(first.taken(0), 11 * KIB);
  assert.equal(first.take(1, 1), undefined);
  for (const [i, pin] of pins.entries()) [first, second, first][i].unpin(pin);
  assert.equal(first.taken(0), 0);
});

Deno.test("what does not fit a block is refused, as are more pins than a thread may have", () => {
  const { first } = newArena(8 * MIB);
  for (const bytes of [0, -1, NaN, MAX_BLOCK_BYTES + 1]) {
    assert.equal(first.take(bytes, 0), undefined);
  }
  for (let i = 0; i < MAX_PINS; i++) taken(first, KIB);
  assert.equal(first.take(KIB, 0), undefined);
});

Deno.test("the pins of a lost thread are given back, and blocks that a table keeps stay", () => {
  const { memory, first, second } = newArena();
  const kept = taken(second, 4 * KIB);
  second.keep(kept);
  taken(second, 16 * KIB);
  const shared = taken(first, 2 * KIB);
  second.pin(shared.handle);
  arena.reclaim?.(memory, { index: 1, count: THREADS }, call());
  arena.reclaim?.(memory, { index: 1, count: THREADS }, call());
  assert.equal(first.taken(0), 6 * KIB);
  first.unpin(shared);
  first.drop(kept.handle);
  assert.equal(first.taken(0), 0);
});

Deno.test("an arena full of garbage costs errors and no more", () => {
  for (let round = 0; round < 60; round++) {
    const { memory, first } = newArena();
    const words = new Int32Array(memory);
    const most = [4, 70, 2 ** 32][round % 3];
    for (let at = 1; at < words.length - MIB / 4; at++) words[at] = Math.random() * most;
    words[0] = round % 10 === 0 ? 5 : 0;
    const changes = [
      () => arena.reclaim?.(memory, { index: 1, count: THREADS }, call()),
      () => arena.apply?.(memory, { budgets: [MIB] }, call()),
      () => first.take(KIB, 0),
      () => first.pin({ block: 2 ** 30, generation: 3 }),
      () => first.drop({ block: round, generation: round }),
    ];
    if (words[0] === 5) changes.splice(2, 1);
    for (const change of changes) {
      try {
        change();
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }
  }
});
