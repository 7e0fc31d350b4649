/** Passes of a selection, ejections, floors, slow starts and caps (spec 03 sections 5, 7, 10 and 11). */
import assert from "node:assert/strict";
import { poolMemory, UNHEALTHY } from "../memory/pool_memory.ts";
import { addressOf, type PoolFixture, TestPool } from "../testing/pool.ts";

/** The example of spec 03 section 21. */
const ENTERPRISE: PoolFixture = {
  selection: "least-time",
  members: {
    1: { weight: 4, priority: 100, isPreferred: true, cap: 500 },
    2: { weight: 4, priority: 100, isPreferred: true, cap: 500 },
    3: { weight: 2, priority: 50, cap: 250, isDrained: true },
    4: { weight: 1, priority: 10, cap: 100, isBackup: true },
  },
  minActive: 2,
  hasPreferred: true,
  minHealthy: 1,
};

function served(pool: TestPool): Set<number> {
  const found = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const port = pool.choose();
    found.add(port);
    if (port !== 0) pool.shared.tryEnter(pool.slot(port), Infinity);
  }
  return found;
}

Deno.test("the preferred members of the highest group serve", () => {
  assert.deepEqual(served(new TestPool(ENTERPRISE)), new Set([1, 2]));
});

Deno.test("a group that is too small is left for the ones below it", () => {
  const pool = new TestPool(ENTERPRISE);
  pool.shared.setHealthy(pool.slot(1), false);
  assert.deepEqual(served(pool), new Set([2]));
});

Deno.test("the backup serves when no primary qualifies, wherever it is", () => {
  const pool = new TestPool(ENTERPRISE);
  for (const port of [1, 2]) pool.shared.setHealthy(pool.slot(port), false);
  assert.equal(pool.choose(), 4);
  pool.shared.setHealthy(pool.slot(4), false);
  assert.equal(pool.choose(), 0);
});

Deno.test("a backup in a preferred place goes before a primary elsewhere", () => {
  const pool = new TestPool({
    members: { 1: {}, 2: { isBackup: true, isPreferred: true } },
    hasPreferred: true,
  });
  assert.equal(pool.choose(), 2);
});

Deno.test("the floor revives ejected members when too few are left, and only then", () => {
  const pool = new TestPool(ENTERPRISE);
  const eject = (port: number) => pool.shared.fail(pool.slot(port), 1, 3000, pool.now);
  eject(1);
  eject(2);
  assert.equal(pool.choose(), 4);
  eject(4);
  assert.deepEqual(served(pool), new Set([1, 2]));
  pool.shared.setHealthy(pool.slot(1), false);
  assert.deepEqual(served(pool), new Set([2]));
});

Deno.test("without a floor all ejected members stay out", () => {
  const pool = new TestPool({ minHealthy: 0 });
  for (const port of [1, 2, 3]) pool.shared.fail(pool.slot(port), 1, 3000, pool.now);
  assert.equal(pool.choose(), 0);
});

Deno.test("a burst of failures ejects once, at the threshold, and again afterwards", () => {
  const pool = new TestPool({ minHealthy: 1 });
  const slot = pool.slot(1);
  const burst = () =>
    Array.from({ length: 8 }, () => pool.shared.fail(slot, 3, 100, pool.now)).map((outcome) =>
      outcome[0]
    ).join("");
  assert.equal(burst(), "cceiiiii");
  pool.now += 99;
  assert.ok(pool.shared.ejectionLeft(slot, pool.now) > 0);
  pool.now += 1;
  assert.equal(pool.shared.ejectionLeft(slot, pool.now), 0);
  assert.equal(burst(), "cceiiiii");
});

Deno.test("a success ends a row of failures and an ejection", () => {
  const pool = new TestPool({ minHealthy: 1 });
  const slot = pool.slot(1);
  pool.shared.fail(slot, 3, 100, pool.now);
  pool.shared.succeed(slot);
  assert.equal(pool.shared.failures(slot), 0);
  pool.shared.fail(slot, 1, 100, pool.now);
  pool.shared.succeed(slot);
  assert.equal(pool.shared.ejectionLeft(slot, pool.now), 0);
});

Deno.test("after an ejection a few trials decide, and one that fails ejects again", () => {
  const pool = new TestPool({ members: { 1: {}, 2: {} }, minHealthy: 1 });
  const slot = pool.slot(1);
  const fail = () => pool.shared.fail(slot, 3, 100, pool.now, 2);
  for (let i = 0; i < 3; i++) fail();
  pool.now += 100;
  assert.ok(pool.many(4).includes(1));
  pool.shared.tryEnter(slot, Infinity);
  pool.shared.tryEnter(slot, Infinity);
  assert.deepEqual(new Set(pool.many(4)), new Set([2]));
  pool.shared.leave(slot);
  pool.shared.leave(slot);
  assert.equal(fail(), "ejected");
  pool.now += 100;
  pool.shared.succeed(slot);
  assert.equal(pool.shared.trials(slot), 1);
  pool.shared.succeed(slot);
  assert.equal(fail(), "counted");
  for (let i = 0; i < 5; i++) pool.shared.tryEnter(slot, Infinity);
  assert.ok(pool.many(4).includes(1));
});

Deno.test("an ejection that ended long ago does not look new", () => {
  const pool = new TestPool({ minHealthy: 1 });
  const slot = pool.slot(1);
  pool.shared.fail(slot, 1, 100, pool.now);
  pool.now += 200;
  pool.shared.sweep(pool.now);
  pool.now = (pool.now + 2 ** 31) | 0;
  assert.equal(pool.shared.ejectionLeft(slot, pool.now), 0);
});

Deno.test("a member at its cap is passed over, by every thread", () => {
  const pool = new TestPool({ members: { 1: { cap: 2 }, 2: { cap: 1 } } });
  const other = pool.as(1);
  assert.ok(other.tryEnter(pool.slot(1), 2));
  assert.ok(pool.shared.tryEnter(pool.slot(1), 2));
  assert.ok(!other.tryEnter(pool.slot(1), 2));
  assert.deepEqual(new Set(pool.many(4)), new Set([2]));
  assert.ok(other.tryEnter(pool.slot(2), 1));
  assert.equal(pool.choose(), 0);
});

Deno.test("what a lost thread held comes back", () => {
  const pool = new TestPool();
  const lost = pool.as(1);
  const slot = pool.slot(1);
  for (let i = 0; i < 3; i++) lost.tryEnter(slot, Infinity);
  pool.shared.tryEnter(slot, Infinity);
  assert.ok(lost.tryWait(5));
  poolMemory.reclaim?.(pool.memory, { index: 1, count: 4 }, { threads: 4, waitUntil: Infinity });
  assert.equal(pool.shared.inFlight(slot), 1);
  assert.equal(pool.shared.waiting, 0);
});

Deno.test("a member that is new gets few requests at first, and all of them where it is alone", () => {
  const pool = new TestPool({ members: { 1: {}, 2: {} }, slowStartTicks: 1000 });
  pool.choose();
  pool.now += 1000;
  pool.shared.resume(pool.slot(2), pool.now);
  pool.now += 100;
  const share = pool.many(1000).filter((port) => port === 2).length;
  assert.ok(share > 10 && share < 150, `${share}`);
  pool.shared.setHealthy(pool.slot(1), false);
  assert.deepEqual(new Set(pool.many(20)), new Set([2]));
});

Deno.test("a reload of the same members keeps what is known of them", () => {
  const pool = new TestPool();
  const slot = pool.slot(2);
  pool.shared.setHealthy(slot, false);
  pool.shared.tryEnter(slot, Infinity);
  const generation = pool.shared.generation;
  poolMemory.apply?.(pool.memory, { members: [1, 2, 3].map(addressOf) }, {
    threads: 4,
    waitUntil: Infinity,
  });
  assert.equal(pool.shared.generation, generation);
  assert.ok(pool.shared.setMembers([3, 1, 2].map(addressOf)));
  assert.equal(pool.shared.generation, generation);
  assert.equal(pool.shared.flags(slot) & UNHEALTHY, UNHEALTHY);
  assert.equal(pool.shared.inFlight(slot), 1);
});

Deno.test("an address that comes back is another life, with the requests of the one before counted", () => {
  const pool = new TestPool();
  const before = pool.member(2);
  pool.shared.tryEnter(before.slot, Infinity);
  pool.shared.fail(before.slot, 3, 100, pool.now);
  pool.shared.setMembers([1, 3].map(addressOf));
  assert.deepEqual(new Set(pool.many(4)), new Set([1, 3]));
  pool.shared.setMembers([1, 2, 3].map(addressOf));
  const after = pool.member(2);
  assert.equal(after.slot, before.slot);
  assert.notEqual(after.incarnation, before.incarnation);
  assert.equal(pool.shared.failures(after.slot), 0);
  assert.equal(pool.shared.inFlight(after.slot), 1);
  pool.shared.leave(before.slot);
  assert.equal(pool.shared.inFlight(after.slot), 0);
});

Deno.test("slots of members that have left are used again, while some are still in use", () => {
  const { shared } = new TestPool();
  for (let round = 0; round < 10; round++) {
    const addresses = Array.from({ length: 64 }, (_, i) => `10.0.${round}.${i}:80`);
    assert.ok(shared.setMembers(addresses));
    assert.equal(shared.members().length, 64);
  }
});

Deno.test("with fail_open all members serve while the probes of all fail", () => {
  const closed = new TestPool();
  const open = new TestPool({ failOpen: true });
  for (const pool of [closed, open]) {
    for (const port of [1, 2, 3]) pool.shared.setHealthy(pool.slot(port), false);
  }
  assert.equal(closed.choose(), 0);
  assert.deepEqual(new Set(open.many(6)), new Set([1, 2, 3]));
  open.shared.setHealthy(open.slot(3), true);
  assert.deepEqual(new Set(open.many(6)), new Set([3]));
});
