import assert from "node:assert/strict";
import fc from "fast-check";
import { exchangeFrom } from "../../gateway/testing/modules.ts";
import { Sleepers } from "./sleepers.ts";

const FAR_MS = 60_000;

const client = () => exchangeFrom("192.0.2.1");

Deno.test("sleepers wake in the order of their times, also when others leave meanwhile", async () => {
  const sleeper = fc.record({ delay: fc.integer({ min: 0, max: 20 }), leaves: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(sleeper, { maxLength: 40 }), async (all) => {
      const sleepers = new Sleepers();
      const now = performance.now();
      const woken: number[] = [];
      const asleep = all.map(async ({ delay, leaves }) => {
        const exchange = client();
        const sleeping = sleepers.sleep(now + delay, exchange);
        if (leaves) queueMicrotask(() => exchange.onAbort?.());
        await sleeping;
        if (!leaves) woken.push(delay);
      });
      await Promise.all(asleep);
      const stayed = all.filter(({ leaves }) => !leaves).map(({ delay }) => delay);
      assert.deepEqual(woken, stayed.toSorted((a, b) => a - b));
    }),
    { numRuns: 30 },
  );
});

Deno.test("a time that has passed wakes at once", async () => {
  await new Sleepers().sleep(performance.now() - 1000, client());
});

Deno.test("no more than the limit may sleep", async () => {
  const sleepers = new Sleepers(2);
  const wakeAt = performance.now() + FAR_MS;
  const asleep = [sleepers.sleep(wakeAt, client()), sleepers.sleep(wakeAt, client())];
  assert.equal(sleepers.full, true);
  sleepers.wakeAll();
  await Promise.all(asleep);
  assert.equal(sleepers.full, false);
});

Deno.test("a client that goes away wakes alone and leaves its place to another", async () => {
  const sleepers = new Sleepers(2);
  const stays = sleepers.sleep(performance.now() + FAR_MS, client());
  for (let i = 0; i < 10; i++) {
    assert.equal(sleepers.full, false);
    const leaving = client();
    const asleep = sleepers.sleep(performance.now() + FAR_MS + i, leaving);
    assert.equal(sleepers.full, true);
    leaving.onAbort?.();
    await asleep;
  }
  sleepers.wakeAll();
  await stays;
});
