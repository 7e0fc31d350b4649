/** The index of a memory tier while another thread writes what it likes into it, between two operations. */
import { newMemory } from "../../../zones/layout.ts";
import { survive } from "../../../zones/testing/garbage.ts";
import assert from "node:assert/strict";
import { cacheIndex, UNVARIED } from "./index.ts";
import { LOCK } from "./slot_words.ts";

const THREADS = 3;
const OWN = { index: 0, count: THREADS };
const LOST = { index: 1, count: THREADS };

Deno.test("an index survives garbage, and its slots lie inside of it", () => {
  const memory = newMemory(cacheIndex, { bytes: 256 * 1024 }, THREADS);
  const index = cacheIndex.open(memory, OWN);
  index.free = () => {};
  const slots = index.words.length;
  const keyOf = (random: () => number) => index.hash(`/${Math.floor(random() * 20)}`, "http", "80");
  const isInside = (slot: number) => assert.ok(slot >= 0 && index.at(slot) < slots, `slot ${slot}`);
  survive(memory, slots, [
    (random) => {
      const claim = index.claim(keyOf(random), UNVARIED, 1_000, Date.now());
      if (claim === undefined) return;
      isInside(claim.held.slot);
      index.release(claim.held);
    },
    (random) => {
      const held = index.find(keyOf(random), undefined);
      if (held === undefined) return;
      isInside(held.slot);
      index.touch(held.slot);
      index.doom(held.slot, held.generation);
      index.remove(held.slot, held.generation);
      index.release(held);
    },
    () => index.evict(),
    () => index.sweep(),
    () => index.notePurge(),
    () => cacheIndex.reclaim?.(memory, LOST, { threads: THREADS, waitUntil: 0 }),
  ], () => index.words[LOCK] = 0);
});
