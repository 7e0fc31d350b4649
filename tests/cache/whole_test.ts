/** The cache in the whole gateway: over its protocols, its threads, its reloads, and beside other modules. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import type { ServerResponse } from "node:http";
import { until } from "../../src/net/testing/until.ts";
import { TestCertificate } from "../peers/tls.ts";
import { profile as fragile } from "../policy/fragile.ts";
import type { Build } from "../testing/gateway.ts";
import { Caching, image } from "../testing/caching.ts";
import { freePort } from "../testing/peer.ts";

const MORTAL: Build = { profile: fragile, entry: "tests/policy/fragile.ts" };

/** A text in which every place tells where it is. */
function marked(length: number): string {
  return Array.from({ length: Math.ceil(length / 8) }, (_, i) => String(i).padStart(8, "0"))
    .join("").slice(0, length);
}

function overHttp2(port: number, root: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, { ca: root });
    session.on("error", reject);
    const request = session.request({ ":path": path });
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => body += part);
    request.on("end", () => session.close(() => resolve(body)));
    request.on("error", reject);
    request.end();
  });
}

Deno.test("bodies of every size are the same from the upstream and from the cache, over every protocol", async () => {
  await using certificate = new TestCertificate();
  const secure = freePort();
  await using caching = await Caching.start(
    ({ url = "" }, response) => {
      const size = Number(url.slice(1, -4));
      response.writeHead(200, {
        "content-type": "image/png",
        "cache-control": "max-age=60",
        ...(size % 2 === 1 ? {} : { "content-length": size }),
      });
      response.end(marked(size));
    },
    "",
    { root: certificate.tables, server: `tls_listen = ["127.0.0.1:${secure}"]` },
  );
  for (const size of [1, 900, 17_000, 40_001, 66_000, 900_001, 1_000_000]) {
    const expected = marked(size);
    for (const cache of ["MISS", "HIT", "HIT"]) {
      const got = await caching.get(`/${size}.png`);
      assert.equal(got.cache, cache);
      assert.ok(got.body === expected, `${size} bytes, ${cache}`);
    }
    const part = await caching.get(`/${size}.png`, { range: `bytes=${size >> 1}-` });
    assert.ok(part.body === expected.slice(size >> 1));
    for (let i = 0; i < 2; i++) {
      const body = await overHttp2(secure, certificate.authority.root, `/${size}.png`);
      assert.ok(body === expected, `${size} bytes over HTTP/2`);
    }
  }
});

Deno.test("a worker that dies in a fill leaves its claim to the next request, and nothing held", async () => {
  let isSlow = true;
  const begun: ServerResponse[] = [];
  await using caching = await Caching.start(
    (_, response) => {
      if (!isSlow) return image(response, "whole");
      begun.push(response);
    },
    "",
    { threads: 1, build: MORTAL },
  );
  const lost = caching.get("/a.png").catch(() => undefined);
  await until("the upstream is asked", () => begun.length === 1);
  await caching.get("/die").catch(() => undefined);
  await lost;
  isSlow = false;
  await until("another worker serves", async () => {
    const got = await caching.get("/a.png").catch(() => undefined);
    return got !== undefined && got.body === "whole";
  });
  assert.equal((await caching.get("/a.png")).cache, "HIT");
});

Deno.test("a reload that changes a lifetime keeps the objects, and a route can be without a cache", async () => {
  await using caching = await Caching.start(
    (_, response) => image(response),
    "min_uses = 1",
    {
      vhost: `[[vhosts.routes]]
name = "off"
path_prefix = "/off/"
[vhosts.routes.proxy]
upstream = "127.0.0.1:1"
[vhosts.routes.cache]
enabled = false
`,
    },
  );
  await caching.get("/a.png");
  caching.gateway.rewrite("min_uses = 1", "min_uses = 1\ndefault_status_ttl_secs = 5");
  caching.gateway.process.signal("SIGHUP");
  await until("the new lifetime holds", async () => {
    const got = await caching.get(`/b.png?${Math.random()}`);
    return got.headers.get("cache-control") === "max-age=5";
  });
  assert.equal((await caching.get("/a.png")).cache, "HIT");
  const off = await caching.get("/off/a.png");
  assert.equal(off.status, 502);
  assert.equal(off.cache, "");
});

Deno.test("an answer is stored when it was seen often enough, and what never may be is passed by", async () => {
  await using caching = await Caching.start(
    ({ url = "" }, response) =>
      image(response, "x", url.startsWith("/no") ? { "cache-control": "no-store" } : {}),
    "min_uses = 2\npass_uncacheable_after = 2",
  );
  const said = async (path: string, count: number) => {
    const all = [];
    for (let i = 0; i < count; i++) all.push((await caching.get(path)).cache);
    return all;
  };
  assert.deepEqual(await said("/a.png", 3), ["MISS cache-min-uses", "MISS", "HIT"]);
  assert.deepEqual(await said("/no.png", 3), [
    "MISS cache-control-no-store",
    "MISS cache-control-no-store",
    "BYPASS cache-pass",
  ]);
});

Deno.test("a key that the upstream refuses is predicted to be refused", async () => {
  await using caching = await Caching.start(
    (_, response) => image(response, "x", { "cache-control": "private" }),
    "predictor = { enabled = true }",
  );
  assert.equal((await caching.get("/a.png")).cache, "MISS cache-control-private");
  assert.equal((await caching.get("/a.png")).cache, "BYPASS cache-pass");
});

Deno.test("the upstream is asked for no more fills at once than it may be", async () => {
  const waiting: ServerResponse[] = [];
  await using caching = await Caching.start(
    (_, response) => void waiting.push(response),
    "origin_protection = { enabled = true, max_concurrent_fills = 1 }",
  );
  const first = caching.get("/a.png");
  await until("the upstream is asked", () => waiting.length === 1);
  const refused = await caching.get("/b.png");
  assert.equal(refused.status, 503);
  assert.equal(refused.cache, "BYPASS origin-protected");
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.body, "cache origin fill budget exhausted");
  image(waiting[0]);
  assert.equal((await first).cache, "MISS");
  const third = caching.get("/b.png");
  await until("the upstream is asked again", () => waiting.length === 2);
  image(waiting[1]);
  assert.equal((await third).cache, "MISS");
});

Deno.test("HEAD, conditions, and what the cache has nothing to do with", async () => {
  await using caching = await Caching.start((_, response) =>
    image(response, "image", { etag: '"1"', "last-modified": "Mon, 30 Nov 2026 00:00:00 GMT" })
  );
  assert.equal((await caching.get("/a.png", {}, "HEAD")).cache, "BYPASS method-head");
  assert.equal((await caching.get("/a.png", { "if-none-match": '"1"' })).status, 304);
  assert.equal(caching.upstream.last.headers["if-none-match"], undefined);
  const same = await caching.get("/a.png", { "if-none-match": 'W/"1"' });
  assert.equal(same.status, 304);
  assert.equal(same.cache, "HIT");
  assert.equal(same.headers.get("content-length"), null);
  assert.equal((await caching.get("/a.png", { "if-none-match": '"2"' })).status, 200);
  const since = { "if-modified-since": "Mon, 30 Nov 2026 00:00:00 GMT" };
  assert.equal((await caching.get("/a.png", since)).status, 304);
  assert.equal((await caching.get("/a.png", { "if-match": '"2"' })).status, 200);
  assert.equal((await caching.get("/a.html")).cache, "");
});

Deno.test("the expired object of only-if-cached is not served, and the upstream is not asked", async () => {
  await using caching = await Caching.start((_, response) =>
    image(response, "x", { "cache-control": "max-age=1" })
  );
  await caching.store("/a.png");
  const { asked } = caching;
  const only = { "cache-control": "only-if-cached" };
  let got = await caching.get("/a.png", only);
  await until("it expires", async () => (got = await caching.get("/a.png", only)).status === 504);
  assert.equal(got.cache, "STALE only-if-cached-stale");
  assert.equal(caching.asked, asked);
});
