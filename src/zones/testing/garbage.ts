/**
 * Another thread that writes what it likes into a memory, for tests of each kind of memory.
 *
 * @module
 */
import assert from "node:assert/strict";

const ROUNDS = 400;

/** Numbers that are the same in every run. */
export function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

const EXTREME = [0, 1, -1, 2, 2 ** 31 - 1, -(2 ** 31), 2 ** 30];

/** Another thread: writes some words, among the first `reach` ones mostly, where the structure itself stands. */
function spoil(memory: SharedArrayBuffer, random: () => number, reach: number): void {
  const words = new Int32Array(memory, 0, Math.floor(memory.byteLength / 4));
  for (let write = random() * 8; write > 0; write--) {
    const at = Math.floor(
      random() * (random() < 0.9 ? Math.min(reach, words.length) : words.length),
    );
    const kind = random();
    words[at] = kind < 0.4
      ? EXTREME[Math.floor(random() * EXTREME.length)]
      : random() * (kind < 0.7 ? 80 : 2 ** 32);
  }
}

/**
 * Makes all `calls` in turn with garbage before each. Errors must be the structure's own.
 *
 * @param reach Words at the beginning that most garbage is written into.
 * @param free Frees the lock of the structure: one that is held costs its wait, a test of its own.
 */
export function survive(
  memory: SharedArrayBuffer,
  reach: number,
  calls: readonly ((random: () => number) => unknown)[],
  free: () => void = () => {},
): void {
  for (let round = 0; round < ROUNDS; round++) {
    const random = numbersFrom(round);
    for (const act of calls) {
      spoil(memory, random, reach);
      free();
      try {
        act(random);
      } catch (error) {
        const isOwn = error instanceof Error &&
          !(error instanceof RangeError || error instanceof TypeError);
        assert.ok(isOwn, `round ${round}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  }
}
