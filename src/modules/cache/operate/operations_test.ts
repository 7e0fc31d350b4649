import assert from "node:assert/strict";
import { configOf } from "../../../gateway/testing/modules.ts";
import { matchesPieces, Operations, type Outcome } from "./operations.ts";
import { cacheSchema } from "../schema.ts";
import { EXPIRES, IF_ERROR } from "../store/slot_words.ts";
import { policyOf } from "../policy/policy.ts";
import { keyOf, put, Stores } from "../testing/stores.ts";
import type { MemoryStore } from "../store/memory.ts";

const MIB = 1024 * 1024;

/** Operations on a cache that has these paths, with their tags. */
function operations(paths: Readonly<Record<string, readonly string[]>>, port = "80") {
  const cache = cacheSchema.parse({
    enabled: true,
    max_object_bytes: "1 MiB",
    memory: { enabled: true, max_size_bytes: "4 MiB" },
  });
  const config = configOf({ cache }, {});
  const store = new Stores(4 * MIB).open(0);
  const { keys } = policyOf(cache);
  for (const [path, tags] of Object.entries(paths)) {
    const loose = keys.loose({
      scheme: "http",
      port,
      method: "GET",
      host: "shop.test",
      path,
      query: "",
    });
    put(store, loose, new Uint8Array(100), { loose, path, tags, port });
  }
  const all = new Operations(config, () => ({ memory: store }));
  return {
    store,
    has: (path: string) =>
      find(
        store,
        keys.loose({
          scheme: "http",
          port,
          method: "GET",
          host: "shop.test",
          path,
          query: "",
        }),
      ) !== undefined,
    run: (name: string, input: Record<string, string | boolean | string[]> = {}) =>
      all.run(name, input),
  };
}

function find(store: MemoryStore, loose: string): number | undefined {
  const held = store.index.find(keyOf(store, loose), undefined);
  if (held === undefined) return undefined;
  store.index.release(held);
  return held.slot;
}

function refusal({ status, body }: Outcome): [number, unknown] {
  return [status, body.status];
}

Deno.test("a purge of a path removes it, and says so", async () => {
  const { run, has } = operations({ "/a.png": [], "/b.png": [] });
  const { status, body } = await run("purge", { host: "SHOP.test", path: "/a.png" });
  assert.equal(status, 200);
  assert.deepEqual(
    { ...body, cache_key: "" },
    {
      status: "ok",
      purged: true,
      not_purged: false,
      vhost: "shop",
      route: null,
      scope: "vhost",
      host: "shop.test",
      method: "GET",
      path: "/a.png",
      query: null,
      cache_key: "",
      memory_purged: true,
      memory_not_purged: false,
      disk_purged: false,
      disk_not_purged: true,
    },
  );
  assert.match(String(body.cache_key), /^[0-9a-f]{64}$/);
  assert.ok(!has("/a.png"));
  assert.ok(has("/b.png"));
  assert.equal((await run("purge", { host: "shop.test", path: "/a.png" })).body.purged, false);
});

Deno.test("a purge without a port means all of them, and one with a port means that", async () => {
  const { run, has } = operations({ "/a.png": [] }, "8080");
  const input = { host: "shop.test", path: "/a.png" };
  assert.equal((await run("purge", { ...input, port: "80" })).body.purged, false);
  assert.ok(has("/a.png"));
  assert.equal((await run("purge", input)).body.purged, true);
});

Deno.test("input that cannot be used purges nothing", async () => {
  const { run, has } = operations({ "/a.png": [] });
  for (
    const [name, input] of [
      ["purge", { path: "/a.png" }],
      ["purge", { host: "shop.test" }],
      ["purge", { host: "shop.test", path: "/../a.png" }],
      ["purge", { host: "shop.test", path: "/a.html" }],
      ["purge", { host: "shop.test", path: "/a.png", method: "POST" }],
      ["purge", { host: "shop.test", path: "/a.png", query: "#" }],
      ["purge-bulk", { host: "shop.test", paths: [] }],
      ["purge-bulk", { host: "shop.test", paths: ["/a.png", "b"] }],
      ["purge-prefix", { vhost: "shop", prefix: "/" }],
      ["purge-prefix", { prefix: "/a" }],
      ["purge-wildcard", { vhost: "shop", pattern: "/*" }],
      ["purge-wildcard", { vhost: "shop", pattern: "/a.png" }],
      ["purge-tag", { vhost: "shop", tag: "a b" }],
      ["purge-index", { vhost: "shop", limit: "0" }],
      ["purge-stale", { vhost: "shop", batches: "65" }],
    ] as const
  ) {
    assert.deepEqual(refusal(await run(name, { ...input } as Record<string, string>)), [
      400,
      "error",
    ], name);
  }
  assert.deepEqual(refusal(await run("purge-index", { vhost: "none" })), [404, "error"]);
  assert.deepEqual(refusal(await run("purge-index", { vhost: "shop", route: "none" })), [
    404,
    "error",
  ]);
  assert.ok(has("/a.png"));
});

Deno.test("tags are compared whole, and a tag may be called like a member of every object", async () => {
  const { run, has } = operations({
    "/1.png": ["a"],
    "/2.png": ["ab"],
    "/3.png": ["__proto__", "toString"],
    "/4.png": [],
  });
  const purged = async (tag: string) =>
    (await run("purge-tag", { vhost: "shop", tag })).body.purged;
  assert.equal(await purged("a"), 1);
  assert.ok(has("/2.png"));
  assert.equal(await purged("ab"), 1);
  assert.equal(await purged("constructor"), 0);
  assert.equal(await purged("__proto__"), 1);
  assert.ok(has("/4.png"));
});

Deno.test("prefixes, wildcards and the whole index, in batches", async () => {
  const paths = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/img/${i}.png`, []]));
  const { run, has, store } = operations({ ...paths, "/css/a.css": [] });
  const first = await run("purge-prefix", {
    vhost: "shop",
    prefix: "/img/",
    limit: "5",
    batches: "2",
  });
  assert.equal(first.body.matched, 10);
  assert.equal(first.body.purged, 10);
  assert.equal(first.body.repeat_required, true);
  assert.equal(first.body.batches, 2);
  const rest = await run("purge-wildcard", { vhost: "shop", pattern: "/img/*.png" });
  assert.equal(rest.body.purged, 20);
  assert.equal(rest.body.truncated, false);
  assert.ok(has("/css/a.css"));
  assert.equal((await run("purge-index", { vhost: "shop" })).body.purged, 1);
  assert.equal(store.taken, 0);
});

Deno.test("a soft purge ends freshness, and never moves an end that has passed", async () => {
  const { run, store, has } = operations({ "/a.png": [] });
  const slot = 0;
  const window = store.index.float(slot, IF_ERROR) - store.index.float(slot, EXPIRES);
  await run("purge-index", { vhost: "shop", soft: true });
  const expires = store.index.float(slot, EXPIRES);
  assert.ok(expires < Date.now());
  assert.equal(store.index.float(slot, IF_ERROR) - expires, window);
  store.index.setFloat(slot, EXPIRES, 5);
  await run("purge-index", { vhost: "shop", soft: true });
  assert.equal(store.index.float(slot, EXPIRES), 5);
  assert.ok(has("/a.png"));
  const dry = await run("purge-stale", { vhost: "shop", dry_run: true });
  assert.deepEqual([dry.body.would_purge, dry.body.purged], [1, 0]);
  const stale = await run("purge-stale", { vhost: "shop" });
  assert.deepEqual([stale.body.scanned, stale.body.stale, stale.body.purged], [1, 1, 1]);
  assert.ok(!has("/a.png"));
});

Deno.test("the status adds up, and names no path and no host", async () => {
  const { run } = operations({ "/a.png": [], "/b.png": [] });
  const { body } = await run("status");
  const totals = body.totals as Record<string, unknown>;
  assert.equal(totals.memory_entries, 2);
  assert.equal(totals.enabled_vhosts, 1);
  assert.equal((totals.activity as Record<string, unknown>).stores, 2);
  assert.doesNotMatch(JSON.stringify(body), /a\.png|shop\.test/);
  await run("activity/reset");
  const after = (await run("status")).body.totals as Record<string, Record<string, unknown>>;
  assert.equal(after.activity.stores, 0);
});

Deno.test("vhosts that find no room in the status are left out, and one can be asked for", async () => {
  const cache = cacheSchema.parse({
    enabled: true,
    max_object_bytes: "1 MiB",
    memory: { enabled: true, max_size_bytes: "4 MiB" },
  });
  const config = configOf({ cache }, {});
  const [vhost] = config.vhosts;
  const vhosts = Array.from({ length: 1000 }, (_, i) => ({ ...vhost, name: `v${i}` }));
  const store = new Stores(4 * MIB).open(0);
  const all = new Operations({ ...config, vhosts }, () => ({ memory: store }));
  const { body } = await all.run("status", {});
  assert.equal(body.truncated, true);
  assert.ok(JSON.stringify(body).length < MIB);
  assert.equal((body.totals as Record<string, unknown>).enabled_vhosts, 1000);
  const one = (await all.run("status", { vhost: "v999" })).body;
  assert.deepEqual((one.vhosts as { name: string }[]).map(({ name }) => name), ["v999"]);
  assert.equal(one.truncated, undefined);
});

Deno.test("a wildcard stands for anything, slashes included, and both ends count", () => {
  const matches = (path: string, pattern: string) => matchesPieces(path, pattern.split("*"));
  assert.ok(matches("/a/b/c.png", "/a*.png"));
  assert.ok(matches("/abc", "*b*"));
  assert.ok(!matches("/a.png.txt", "/a*.png"));
  assert.ok(!matches("/aba", "/ab*ba"));
  assert.ok(matches("/ab", "/a*b"));
});
