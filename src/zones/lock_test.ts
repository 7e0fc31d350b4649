import assert from "node:assert/strict";
import { until } from "../net/testing/until.ts";
import { freeLockOf, lock, unlock } from "./lock.ts";

const AT = 1;
const never = () => 0;

function newLock(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

Deno.test("a lock has one holder, and only that one frees it", () => {
  const words = newLock();
  assert.ok(lock(words, AT, 0, never));
  assert.equal(lock(words, AT, 1, never), false);
  unlock(words, AT, 1);
  assert.equal(lock(words, AT, 1, never), false);
  unlock(words, AT, 0);
  assert.ok(lock(words, AT, 1, never));
});

Deno.test("a lock is freed for the lost thread that holds it, and for no other", () => {
  const words = newLock();
  assert.equal(freeLockOf(words, AT, 2), false);
  assert.ok(lock(words, AT, 2, never));
  assert.equal(freeLockOf(words, AT, 1), false);
  assert.ok(freeLockOf(words, AT, 2));
  assert.ok(lock(words, AT, 0, never));
  // The lost thread was in its last turn.
  unlock(words, AT, 2);
  assert.equal(lock(words, AT, 1, never), false);
});

Deno.test("a lock that an earlier life of a thread holds is that thread's", () => {
  const words = newLock();
  for (const index of [0, 1]) {
    assert.ok(lock(words, AT, index, never));
    assert.ok(lock(words, AT, index, never));
    unlock(words, AT, index);
  }
});

Deno.test("a thread that waits for a lock is woken when it is freed, also for a lost one", async () => {
  for (const free of [unlock, freeLockOf] as const) {
    const words = newLock();
    assert.ok(lock(words, AT, 0, never));
    const worker = new Worker(new URL("./testing/lock_worker.ts", import.meta.url), {
      type: "module",
    });
    const done = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    worker.postMessage({ words, at: AT });
    const held = words[AT];
    await until("it is waited for", () => Atomics.load(words, AT) !== held);
    free(words, AT, 0);
    assert.equal(await done, true);
    worker.terminate();
  }
});
