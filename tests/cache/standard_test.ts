/** `mode = "rfc9111"`: a shared cache by the standards alone, with real clients and upstreams. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Caching } from "../testing/caching.ts";

const MODE = 'mode = "rfc9111"\ncache_status = true';

type Headers = Record<string, string>;

/** An upstream that answers each path with its own headers, and confirms what it is asked to. */
function upstream(pages: Record<string, Headers>) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const headers = { "content-type": "text/html", ...pages[request.url ?? ""] };
    const status = Number(pages[request.url ?? ""]?.status ?? 200);
    delete (headers as Headers).status;
    const etag = (headers as Headers).etag;
    if (etag !== undefined && request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers);
      return void response.end();
    }
    response.writeHead(status, { ...headers, "content-length": "4" });
    response.end("page");
  };
}

async function says(caching: Caching, path: string, count = 2): Promise<string[]> {
  const said: string[] = [];
  for (let i = 0; i < count; i++) said.push((await caching.get(path)).cache);
  return said;
}

Deno.test("any path and type is stored for as long as the upstream says, and for a tenth of its age where it does not", async () => {
  const old = new Date(Date.now() - 1_000_000_000).toUTCString();
  await using caching = await Caching.start(
    upstream({
      "/": { "cache-control": "max-age=60" },
      "/api?x": { "content-type": "application/json", "cache-control": "max-age=0, s-maxage=60" },
      "/guessed": { "last-modified": old },
      "/missing": { status: "404", "cache-control": "max-age=5" },
      "/silent": {},
      "/private": { "cache-control": "private, max-age=60" },
      "/cookie": { "cache-control": "max-age=60", "set-cookie": "a=b" },
      "/odd": { status: "418", "cache-control": "must-understand, no-store, max-age=60" },
      "/understood": { "cache-control": "must-understand, no-store, max-age=60" },
    }),
    MODE,
  );
  for (const path of ["/", "/api?x", "/guessed", "/missing", "/understood"]) {
    assert.deepEqual(await says(caching, path), ["MISS", "HIT"], path);
  }
  for (
    const [path, reason] of [
      ["/silent", "OriginNotCache"],
      ["/private", "cache-control-private"],
      ["/cookie", "set-cookie"],
      ["/odd", "status-not-cacheable"],
    ]
  ) {
    assert.deepEqual(await says(caching, path), Array(2).fill(`MISS ${reason}`), path);
  }
});

Deno.test("Cache-Status says what became of each request", async () => {
  await using caching = await Caching.start(
    upstream({ "/a": { "cache-control": "max-age=60", "cache-status": "origin; hit" } }),
    MODE,
  );
  const status = async () => (await caching.get("/a")).headers.get("cache-status");
  assert.equal(await status(), "origin; hit, fluxheim; fwd=uri-miss; stored");
  assert.equal(await status(), "origin; hit, fluxheim; hit");
  const { headers } = await caching.get("/a", { authorization: "Basic eDp5" });
  assert.equal(
    headers.get("cache-status"),
    "origin; hit, fluxheim; fwd=bypass; detail=request-authorization",
  );
});

Deno.test("CDN-Cache-Control takes the place of Cache-Control, unless it cannot be read", async () => {
  await using caching = await Caching.start(
    upstream({
      "/long": { "cache-control": "no-store", "cdn-cache-control": "max-age=60" },
      "/none": { "cache-control": "max-age=60", "cdn-cache-control": "no-store" },
      "/broken": { "cache-control": "max-age=60", "cdn-cache-control": "max-age=x" },
      "/expires": {
        expires: new Date(Date.now() + 60_000).toUTCString(),
        "cdn-cache-control": "must-revalidate",
      },
    }),
    MODE,
  );
  assert.deepEqual(await says(caching, "/long"), ["MISS", "HIT"]);
  assert.deepEqual(await says(caching, "/none"), Array(2).fill("MISS cache-control-no-store"));
  assert.deepEqual(await says(caching, "/broken"), ["MISS", "HIT"]);
  assert.deepEqual(await says(caching, "/expires"), Array(2).fill("MISS OriginNotCache"));
  assert.equal((await caching.get("/long")).headers.get("cdn-cache-control"), "max-age=60");
});

Deno.test("no-cache is stored and confirmed each time; with fields it withholds these alone", async () => {
  await using caching = await Caching.start(
    upstream({
      "/each": { "cache-control": "no-cache", etag: '"1"' },
      "/fields": { "cache-control": 'max-age=60, no-cache="x-own"', "x-own": "1", "x-all": "2" },
      "/private": { "cache-control": 'max-age=60, private="x-own"', "x-own": "1", "x-all": "2" },
    }),
    MODE,
  );
  assert.deepEqual(await says(caching, "/each", 3), ["MISS", "REVALIDATED", "REVALIDATED"]);
  const many = await Promise.all(Array.from({ length: 10 }, () => caching.get("/each")));
  assert.ok(many.every(({ body, cache }) => body === "page" && cache !== "HIT"));
  for (const path of ["/fields", "/private"]) {
    assert.equal((await caching.get(path)).headers.get("x-own"), "1");
    const hit = await caching.get(path);
    assert.equal(hit.cache, "HIT");
    assert.deepEqual([hit.headers.get("x-own"), hit.headers.get("x-all")], [null, "2"]);
  }
});

Deno.test("HEAD is answered from what is stored for GET, and news in its answer count", async () => {
  const pages: Record<string, Headers> = { "/a": { "cache-control": "max-age=60", etag: '"1"' } };
  await using caching = await Caching.start(
    upstream(pages),
    MODE + "\nallow_client_cache_refresh = true",
  );
  assert.equal((await caching.get("/a", {}, "HEAD")).cache, "MISS method-head");
  await caching.get("/a");
  const asked = caching.asked;
  const head = await caching.get("/a", {}, "HEAD");
  assert.deepEqual([head.cache, head.body, head.headers.get("content-length")], ["HIT", "", "4"]);
  assert.equal(caching.asked, asked);
  pages["/a"] = { "cache-control": "max-age=60", etag: '"1"', "x-new": "1" };
  await caching.get("/a", { "cache-control": "no-cache" }, "HEAD");
  const confirmed = await caching.get("/a");
  assert.deepEqual([confirmed.cache, confirmed.headers.get("x-new")], ["HIT", "1"]);
  pages["/a"] = { "cache-control": "max-age=60", etag: '"2"' };
  await caching.get("/a", { "cache-control": "no-cache" }, "HEAD");
  assert.equal((await caching.get("/a")).cache, "MISS");
});

Deno.test("the upstream's own stale windows hold", async () => {
  let isDown = false;
  await using caching = await Caching.start((_, response) => {
    if (isDown) return void response.destroy();
    response.writeHead(200, {
      "content-type": "text/html",
      "cache-control": "max-age=1, stale-if-error=60",
      "content-length": "4",
    });
    response.end("page");
  }, MODE);
  await caching.get("/a");
  isDown = true;
  const since = Date.now();
  let got = await caching.get("/a");
  while (got.cache === "HIT" && Date.now() - since < 30_000) got = await caching.get("/a");
  assert.deepEqual([got.status, got.cache, got.body], [200, "STALE", "page"]);
  assert.ok(Number(got.headers.get("age")) >= 1);
});
