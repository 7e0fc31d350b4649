/** The memories of a pool while another thread writes what it likes into them, between two operations. */
import assert from "node:assert/strict";
import { newMemory } from "../../zones/layout.ts";
import { lock } from "../../zones/lock.ts";
import { survive } from "../../zones/testing/garbage.ts";
import { MAX_MEMBERS, poolMemory, SLOTS } from "./memory/pool_memory.ts";
import { sessionMemory } from "./memory/session_memory.ts";

const THREADS = 3;
const OWN = { index: 0, count: THREADS };
const LOST = { index: 1, count: THREADS };
/** The lock of both kinds. */
const LOCK = 0;
/** Writes numbers that may be those of slots and entries into a part of all words. */
function scatter(words: Int32Array, random: () => number): void {
  for (let at = 1; at < words.length; at++) {
    if (random() < 0.3) words[at] = random() * 400 - 20;
  }
}

const call = { threads: THREADS, waitUntil: 0 };

Deno.test("the members of a pool survive garbage, and their slots lie inside of it", () => {
  const memory = newMemory(poolMemory, undefined, THREADS);
  const words = new Int32Array(memory);
  const pool = poolMemory.open(memory, OWN);
  const addresses = (random: () => number) =>
    Array.from({ length: random() * 4 }, () => `10.0.0.${Math.floor(random() * 9)}:80`);
  survive(memory, 16, [
    (random) => poolMemory.apply?.(memory, { members: addresses(random) }, call),
    (random) => pool.setMembers(addresses(random), true),
    (random) => scatter(words, random),
    (random) => {
      const members = pool.members();
      assert.ok(members.length <= MAX_MEMBERS);
      for (const { slot } of members) {
        assert.ok(slot >= 0 && slot < SLOTS);
        if (pool.tryEnter(slot, 5)) pool.leave(slot);
        pool.sample(slot, random() * 1e6, random() < 0.5);
        pool.setOverride(slot, 1, 7);
        pool.ejectionLeft(slot, 7);
      }
    },
    () => pool.tryWait(5) && pool.endWait(),
    () => pool.tryRetry(5, 100, 7),
    () => pool.sweep(7),
    () => poolMemory.reclaim?.(memory, LOST, call),
  ], () => words[LOCK] = 0);
});

Deno.test("the sessions of a pool survive garbage", () => {
  const size = { maxEntries: 100, keyBytes: 16 };
  const memory = newMemory(sessionMemory, size, THREADS);
  const words = new Int32Array(memory);
  const own = sessionMemory.open(memory, OWN);
  const keyOf = (random: () => number) => `client ${Math.floor(random() * 50)}`;
  survive(memory, 16, [
    () => sessionMemory.apply?.(memory, size, call),
    (random) => own.put(keyOf(random), { slot: random() * SLOTS | 0, incarnation: 1 }, 7, 60),
    (random) => own.find(keyOf(random), random() < 0.5 ? 7 : 700),
    (random) => scatter(words, random),
    (random) => own.find(keyOf(random), 7),
    // Chains that lead back into themselves.
    (random) => {
      for (let at = 16; at < words.length; at++) words[at] = 1 + random() * size.maxEntries;
    },
    (random) => own.find(keyOf(random), 7),
    (random) => own.put(keyOf(random), { slot: 1, incarnation: 1 }, 7, 60),
    () => own.purge(700),
    () => {
      let count = 0;
      for (const some of own.saved(7)) count += some.length;
      assert.ok(count < words.length);
    },
    () => sessionMemory.open(memory, OWN).find("other", 7),
    () => {
      // As if the lost thread had the lock: all is given up.
      lock(words, LOCK, LOST.index, () => 0);
      sessionMemory.reclaim?.(memory, LOST, call);
    },
  ], () => words[LOCK] = 0);
});
