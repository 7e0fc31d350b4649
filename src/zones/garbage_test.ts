/**
 * Every kind of memory while another thread writes what it likes into it, between two operations. A thread may
 * get wrong answers and errors of the structure's own; it reads nothing outside, and every call returns.
 */
import assert from "node:assert/strict";
import { arena, type Pin } from "./arena/arena.ts";
import { count } from "./count.ts";
import { heartbeat } from "./heartbeat.ts";
import { type Layout, newMemory } from "./layout.ts";
import { lock, unlock } from "./lock.ts";
import { queue } from "./queue.ts";
import { ring, RingReader } from "./ring.ts";
import { series, SeriesTotals } from "./series.ts";
import { sharedTime } from "./shared_time.ts";
import { tableOf } from "./table.ts";
import { numbersFrom, survive } from "./testing/garbage.ts";

const THREADS = 3;
const OWN = { index: 0, count: THREADS };
const LOST = { index: 1, count: THREADS };
const KIB = 1024;

const call = () => ({ threads: THREADS, waitUntil: 0 });

const reclaimIn = <T, S, A>(layout: Layout<T, S, A>, memory: SharedArrayBuffer) => () =>
  layout.reclaim?.(memory, LOST, call());

Deno.test("a count survives garbage", () => {
  const memory = newMemory(count, undefined, THREADS);
  const total = count.open(memory, OWN);
  survive(memory, 4, [
    () => total.tryTake(5),
    () => total.giveBack(),
    () => assert.equal(typeof total.total, "number"),
    reclaimIn(count, memory),
  ]);
});

Deno.test("a queue survives garbage, and so do those who wait in it", () => {
  const memory = newMemory(queue, { maxQueue: 64 }, THREADS);
  const words = new Int32Array(memory);
  const permits = queue.open(memory, OWN);
  const places = new Set<() => unknown>();
  survive(memory, 120, [
    () => permits.tryTake(),
    () => permits.giveBack(),
    () => {
      const settled = () => void places.clear();
      const place = permits.join(20, 1_000_000, { granted: settled, expired: settled });
      if (place !== undefined) places.add(() => place.leave());
    },
    () => {
      for (const leave of places) {
        places.delete(leave);
        leave();
      }
    },
    () => queue.apply?.(memory, { maxInFlight: 7 }, call()),
    reclaimIn(queue, memory),
  ], () => words[3] = 0);
  // Timers of requests that wait in a memory that was overwritten.
  words.fill(0);
});

Deno.test("a table survives garbage", () => {
  const pairs = tableOf(2);
  const memory = newMemory(pairs, { maxEntries: 100 }, THREADS);
  const table = pairs.open(memory, OWN);
  const key = new Uint32Array(4);
  survive(memory, 3000, [
    () => pairs.apply?.(memory, { maxEntries: 100, ttlSecs: 5 }, call()),
    (random) => {
      key.fill(random() * 200);
      table.useHashedKey(key, 4);
      const found = table.find();
      const slot = found >= 0 ? found : table.add(random() * 100);
      if (slot < 0) return;
      table.touch(slot, 7);
      assert.ok(table.valueOf(slot) + 1 < table.longs.length);
    },
    (random) => {
      table.useExactKey(random() * 50, 1);
      assert.ok(table.find() < table.longs.length / 5);
    },
    reclaimIn(pairs, memory),
  ]);
});

Deno.test("an arena survives garbage, and its blocks lie inside of it", () => {
  const memory = newMemory(arena, { bytes: 512 * KIB }, THREADS);
  const words = new Int32Array(memory);
  const blocks = arena.open(memory, OWN);
  const pins: Pin[] = [];
  const take = (pin: Pin | undefined) => {
    if (pin === undefined) return;
    const { byteOffset, byteLength } = pin.bytes;
    assert.ok(byteOffset >= words.byteLength - 512 * KIB);
    assert.ok(byteOffset + byteLength <= memory.byteLength);
    pins.push(pin);
  };
  survive(memory, 2500, [
    () => arena.apply?.(memory, { budgets: [512 * KIB, 64 * KIB] }, call()),
    (random) => take(blocks.take(random() * 70 * KIB, random() * 2)),
    (random) => {
      const block = Math.floor(random() * 600);
      take(blocks.pin({ block, generation: Math.floor(random() * 3) }));
    },
    () => pins.length > 0 && blocks.keep(pins[0]),
    () => pins.length > 0 && blocks.drop(pins[0].handle),
    () => {
      const pin = pins.shift();
      if (pin !== undefined) blocks.unpin(pin);
    },
    (random) => blocks.drop({ block: Math.floor(random() * 600), generation: 0 }),
    reclaimIn(arena, memory),
  ], () => words[0] = 0);
});

Deno.test("an arena whose lists are overwritten is whole again after a reclaim", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = numbersFrom(seed);
    const memory = newMemory(arena, { bytes: 512 * KIB }, THREADS);
    arena.apply?.(memory, { budgets: [512 * KIB] }, call());
    const blocks = arena.open(memory, OWN);
    const pin = blocks.take(3 * KIB, 0);
    assert.ok(pin !== undefined);
    const words = new Int32Array(memory);
    // All words of the header but the budgets.
    for (let at = 1; at < 11 + 256; at++) if (at !== 3) words[at] = random() * 2 ** 32;
    arena.reclaim?.(memory, LOST, call());
    assert.equal(blocks.taken(0), 4 * KIB);
    blocks.unpin(pin);
    let pages = 0;
    while (blocks.take(64 * KIB, 0) !== undefined) pages++;
    assert.equal(pages, 8);
  }
});

Deno.test("a ring survives garbage at both ends", () => {
  const memory = newMemory(ring, undefined, 1);
  const writer = ring.open(memory, OWN);
  let reader = new RingReader(memory);
  const line = `${"x".repeat(20_000)}\n`;
  survive(memory, 200, [
    () => writer.append(line),
    () => {
      for (let bytes = reader.peek(); bytes !== undefined; bytes = reader.peek()) {
        reader.release(bytes.length);
      }
      assert.ok(reader.takeLost() >= 0);
      if (reader.fault !== undefined) reader = new RingReader(memory);
    },
  ]);
});

Deno.test("series survive garbage at both ends", () => {
  const memory = newMemory(series, undefined, 1);
  const writer = series.open(memory, OWN);
  const threads = new Map([[0, { buffer: memory }]]);
  let totals = new SeriesTotals({ onFault() {} });
  survive(memory, 60_000, [
    (random) => writer.cell("a_total", { route: String(Math.floor(random() * 300)) })?.count(),
    () => assert.ok(totals.read(threads).every(({ value }) => value >= 0)),
    (random) => {
      if (random() > 0.05) return;
      totals.retire(0, memory);
      totals = new SeriesTotals({ onFault() {} });
    },
  ]);
});

Deno.test("a lock survives garbage, and is waited for no longer than it may be", () => {
  const memory = new SharedArrayBuffer(4);
  const words = new Int32Array(memory);
  survive(memory, 1, [
    () => {
      if (lock(words, 0, 0, () => 0)) unlock(words, 0, 0);
    },
    () => {
      const until = performance.now() + 1;
      if (lock(words, 0, 0, () => until)) unlock(words, 0, 0);
      else assert.ok(performance.now() >= until);
    },
    () => unlock(words, 0, 2),
  ]);
});

Deno.test("a heartbeat and a clock survive garbage", () => {
  const memory = newMemory(heartbeat, undefined, 1);
  const own = heartbeat.open(memory, OWN);
  survive(memory, 1, [
    () => own.beat(),
    () => assert.ok(own.beats === "heap full" || Number.isInteger(own.beats)),
  ]);
  const latest = newMemory(sharedTime, undefined, THREADS);
  const time = sharedTime.open(latest, OWN);
  survive(latest, 2, [() => assert.ok(Number.isFinite(time.now()))]);
});
