/** Selection policies and their vectors (spec 03 sections 5, 6 and 23). */
import assert from "node:assert/strict";
import { memberKey } from "../memory/fnv.ts";
import { Member } from "../member.ts";
import { DRAINED } from "../memory/pool_memory.ts";
import { SEEDS, sorted, TestPool } from "../testing/pool.ts";
import { scoresOf } from "./consistent.ts";
import { maglevSteps, maglevTable } from "./maglev.ts";
import { policyOf } from "./policies.ts";

function members(count: number): Member[] {
  return Array.from({ length: count }, (_, i) => {
    const member = new Member(i, `127.0.0.1:${3001 + i}`, 1);
    member.index = i;
    return member;
  });
}

Deno.test("members are in the order of their numbers, IPv4 before IPv6", () => {
  assert.deepEqual(
    sorted(["[::1]:80", "10.0.0.10:80", "10.0.0.9:443", "10.0.0.9:80", "[::]:1"]),
    ["10.0.0.9:80", "10.0.0.9:443", "10.0.0.10:80", "[::]:1", "[::1]:80"],
  );
});

Deno.test("round robin goes in blocks of the weights", () => {
  const weights = { 1: { weight: 4 }, 2: { weight: 4 }, 3: { weight: 2 }, 4: { weight: 1 } };
  const pool = new TestPool({ members: weights });
  assert.equal(pool.many(22).join(""), "1111222233411112222334");
});

Deno.test("a retry takes no turn, so that two members do not lock in step", () => {
  const pool = new TestPool({ members: { 1: {}, 2: {} } });
  const firsts: number[] = [];
  for (let i = 0; i < 6; i++) {
    const first = pool.choose();
    firsts.push(first);
    if (first === 1) assert.equal(pool.choose("", [1], false), 2);
  }
  assert.deepEqual(firsts, [1, 2, 1, 2, 1, 2]);
});

Deno.test("of members with equal load the first one serves, by weight otherwise", () => {
  const pool = new TestPool({
    selection: "least-connections",
    members: { 1: {}, 2: { weight: 3 } },
  });
  const taken: number[] = [];
  for (let i = 0; i < 8; i++) {
    const port = pool.choose();
    taken.push(port);
    pool.shared.tryEnter(pool.slot(port), Infinity);
  }
  assert.deepEqual(taken, [1, 2, 2, 2, 1, 2, 2, 2]);
});

Deno.test("a member nothing is known of gets one request, not the whole burst", () => {
  const pool = new TestPool({ selection: "least-time" });
  for (const port of [1, 2]) pool.shared.sample(pool.slot(port), 5000, false);
  const counts: Record<number, number> = { 1: 0, 2: 0, 3: 0 };
  for (let i = 0; i < 50; i++) {
    const port = pool.choose();
    counts[port]++;
    pool.shared.tryEnter(pool.slot(port), Infinity);
  }
  assert.equal(counts[3], 1);
  assert.equal(counts[1], counts[2] + 1);
});

Deno.test("times are averaged by quarters, and a failure never makes one better", () => {
  const { shared } = new TestPool();
  shared.sample(0, 1000, false);
  shared.sample(0, 1003, false);
  assert.equal(shared.latency(0), 1001);
  shared.sample(0, 1, true);
  assert.equal(shared.latency(0), 1001);
  shared.sample(1, 1, true);
  assert.ok(shared.latency(1) >= 1_000_000);
});

Deno.test("of two members by lot the one with fewer requests serves", () => {
  const pool = new TestPool({ selection: "power-of-two", members: { 1: {}, 2: {} } });
  pool.shared.tryEnter(pool.slot(1), Infinity);
  assert.deepEqual(new Set(pool.many(50)), new Set([2]));
  pool.shared.setOverride(pool.slot(2), DRAINED, 0);
  assert.deepEqual(new Set(pool.many(50)), new Set([1]));
});

Deno.test("scores of rendezvous are those of section 23", () => {
  const pool = new TestPool({ members: { 1: {}, 2: {}, 3: { weight: 2 } } });
  const context = {
    members: [...pool.chooser.view.members],
    shared: pool.shared,
    maxIterations: 256,
    loadFactor: 1250,
    seeds: SEEDS,
    sessions: () => 0,
  };
  const scores = scoresOf(context, "192.0.2.10").map(({ high, low }) =>
    high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0")
  );
  assert.deepEqual(scores, ["87798f3397150947", "8b2ffdcf54df146d", "d53648e7dc5e6a53"]);
});

Deno.test("Maglev tables are those of section 23", () => {
  const three = members(3);
  assert.deepEqual(three.map(maglevSteps), [[54495, 17770], [14875, 28232], [63657, 65262]]);
  const held = [0, 0, 0];
  for (const index of maglevTable(three)) held[index]++;
  assert.deepEqual(held, [21846, 21846, 21845]);
});

for (
  const family of ["", "consistent-", "bounded-load-consistent-", "maglev-", "nginx-consistent-"]
) {
  Deno.test(`${family}uri-hash keeps a key with its member, and finds another one`, () => {
    const pool = new TestPool({ selection: `${family}uri-hash` });
    const [first] = pool.many(1, "/a");
    assert.deepEqual(new Set(pool.many(20, "/a")), new Set([first]));
    const keys = Array.from({ length: 300 }, (_, i) => pool.choose(`/${i}`));
    assert.equal(new Set(keys).size, 3);
    pool.shared.setHealthy(pool.slot(first), false);
    const second = pool.choose("/a");
    assert.ok(second !== 0 && second !== first);
    if (family === "") return;
    // Keys of other members stay where they are.
    for (let i = 0; i < 300; i++) {
      if (keys[i] !== first) assert.equal(pool.choose(`/${i}`), keys[i]);
    }
  });
}

Deno.test("a hash finds the one member that is left, however few it may look at", () => {
  const pool = new TestPool({ selection: "uri-hash", maxIterations: 1 });
  pool.shared.setHealthy(pool.slot(1), false);
  pool.shared.setHealthy(pool.slot(2), false);
  for (let i = 0; i < 30; i++) assert.equal(pool.choose(`/${i}`), 3);
});

Deno.test("bounded load passes on what is much more than a share", () => {
  const pool = new TestPool({ selection: "bounded-load-consistent-uri-hash" });
  const first = pool.choose("/a");
  for (let i = 0; i < 30; i++) {
    pool.shared.tryEnter(pool.slot(pool.choose("/a")), Infinity);
  }
  const loads = [1, 2, 3].map((port) => pool.shared.inFlight(pool.slot(port)));
  assert.ok(Math.max(...loads) <= 14, loads.join(" "));
  assert.equal(Math.max(...loads), loads[first - 1]);
});

Deno.test("every word of the configuration has a policy", () => {
  for (const source of ["source", "uri", "header", "cookie"]) {
    for (const family of ["", "consistent-", "bounded-load-consistent-", "maglev-"]) {
      assert.equal(policyOf(`${family}${source}-hash`).source, source);
    }
  }
  assert.throws(() => policyOf("random"));
});

Deno.test("keys of 64 bits are kept without loss", () => {
  assert.equal(
    (BigInt(memberKey("127.0.0.1:3001").high) << 32n) + BigInt(memberKey("127.0.0.1:3001").low),
    1220790005030702828n,
  );
});
