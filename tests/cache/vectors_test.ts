/** The acceptance vectors of the cache (spec 04 section 21), each with a real client and a real upstream. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { Caching, image } from "../testing/caching.ts";
import { until } from "../../src/net/testing/until.ts";

function answer(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]>,
  body = "body",
): void {
  response.writeHead(status, { "content-length": body.length, ...headers });
  response.end(body);
}

/** What the cache says of each of several requests, one after the other. */
async function says(
  caching: Caching,
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<string[]> {
  const said: string[] = [];
  for (let i = 0; i < count; i++) said.push((await caching.get(path, headers)).cache);
  return said;
}

Deno.test("vectors 1 to 4: a fresh image is fetched once, and what may not be stored each time", async () => {
  await using caching = await Caching.start(({ url }, response) => {
    if (url === "/type.png") {
      return answer(response, 200, { "content-type": "text/html", "cache-control": "max-age=60" });
    }
    if (url === "/silent.png") return answer(response, 200, { "content-type": "image/png" });
    image(response);
  });
  const first = await caching.get("/a.png");
  assert.equal(first.cache, "MISS");
  const second = await caching.get("/a.png");
  assert.equal(second.cache, "HIT");
  assert.equal(second.headers.get("age"), "0");
  assert.equal(second.headers.get("via"), first.headers.get("via"));
  assert.equal(caching.asked, 1);
  assert.deepEqual(await says(caching, "/a.html", 2), ["", ""]);
  assert.equal(caching.asked, 3);
  assert.deepEqual(
    await says(caching, "/type.png", 2),
    Array(2).fill("MISS content-type-not-cacheable"),
  );
  assert.deepEqual(await says(caching, "/silent.png", 2), Array(2).fill("MISS OriginNotCache"));
  assert.equal(caching.asked, 7);
});

Deno.test("vectors 5 and 6: the operator's lifetimes admit a status, but not what the upstream forbids", async () => {
  await using caching = await Caching.start(({ url }, response) => {
    if (url === "/no.png") return answer(response, 404, { expires: "0" });
    answer(response, 200, { "content-type": "image/png", "cache-control": "private" });
  }, "status_ttls = { 404 = 5, 200 = 60 }");
  const missed = await caching.get("/no.png");
  assert.equal(missed.status, 404);
  assert.equal(missed.cache, "MISS");
  assert.equal(missed.headers.get("cache-control"), "max-age=5");
  assert.equal(missed.headers.get("expires"), null);
  const hit = await caching.get("/no.png");
  assert.equal(hit.cache, "HIT");
  assert.equal(hit.status, 404);
  assert.equal(hit.headers.get("cache-control"), "max-age=5");
  assert.deepEqual(await says(caching, "/a.png", 2), Array(2).fill("MISS cache-control-private"));
});

Deno.test("vectors 7 and 8: the upstream's fields can be ignored and hidden", async () => {
  await using caching = await Caching.start(
    ({ url }, response) => {
      const headers: Record<string, string> = url === "/cookie.png"
        ? { "set-cookie": "a=b", "cache-control": "max-age=60" }
        : { "cache-control": "private", expires: "0", "x-secret": "1" };
      answer(response, 200, { "content-type": "image/png", ...headers });
    },
    'status_ttls = { 200 = 60 }\nignore_origin_cache_headers = true\nhide_response_headers = ["x-secret"]',
  );
  const first = await caching.get("/a.png");
  assert.equal(first.cache, "MISS");
  assert.equal(first.headers.get("x-secret"), null);
  assert.equal((await caching.get("/a.png")).cache, "HIT");
  assert.deepEqual(await says(caching, "/cookie.png", 2), Array(2).fill("MISS set-cookie"));
  assert.equal((await caching.get("/cookie.png")).headers.get("set-cookie"), "a=b");
});

Deno.test("vector 8: with Set-Cookie hidden the answer is stored, and no client gets the cookie", async () => {
  await using caching = await Caching.start(
    (_, response) => image(response, "x", { "set-cookie": "a=b" }),
    'hide_response_headers = ["set-cookie"]',
  );
  for (const expected of ["MISS", "HIT"]) {
    const got = await caching.get("/a.png");
    assert.equal(got.cache, expected);
    assert.equal(got.headers.get("set-cookie"), null);
  }
});

Deno.test("vectors 9 to 11: credentials, refreshes and only-if-cached", async () => {
  await using caching = await Caching.start((_, response) => image(response, "x", { etag: '"1"' }));
  const cold = await caching.get("/cold.png", { "cache-control": "only-if-cached" });
  assert.equal(cold.status, 504);
  assert.equal(cold.body, "cache miss");
  assert.equal(cold.cache, "MISS only-if-cached-miss");
  assert.equal(cold.headers.get("cache-control"), "no-store");
  assert.equal(caching.asked, 0);
  await caching.get("/a.png");
  const own = await caching.get("/a.png", { authorization: "Basic eDp5" });
  assert.equal(own.cache, "BYPASS request-authorization");
  assert.equal(caching.upstream.last.headers.authorization, "Basic eDp5");
  assert.equal(caching.asked, 2);
  assert.equal((await caching.get("/a.png", { "cache-control": "no-cache" })).cache, "HIT");
  const warm = await caching.get("/a.png", { "cache-control": "only-if-cached" });
  assert.equal(warm.cache, "HIT");
  assert.equal(warm.status, 200);
  const set = await caching.get("/a.png", {
    "cache-control": "only-if-cached",
    authorization: "Basic eDp5",
  });
  assert.equal(set.status, 504);
  assert.equal(set.cache, "BYPASS request-authorization");
  assert.equal(caching.asked, 2);
});

Deno.test("vector 10: a client that may refresh has the object revalidated", async () => {
  await using caching = await Caching.start(({ headers }, response) => {
    if (headers["if-none-match"] === '"1"') {
      response.writeHead(304, { etag: '"1"', "cache-control": "max-age=60" });
      return void response.end();
    }
    image(response, "image", { etag: '"1"' });
  }, "allow_client_cache_refresh = true");
  await caching.get("/a.png");
  const got = await caching.get("/a.png", { "cache-control": "no-cache" });
  assert.equal(got.cache, "REVALIDATE request-refresh");
  assert.equal(got.body, "image");
  assert.equal(caching.upstream.last.headers["if-none-match"], '"1"');
  assert.equal((await caching.get("/a.png")).cache, "HIT");
});

Deno.test("vectors 12 and 13: each language has its variant, and no object is chosen by a cookie", async () => {
  await using caching = await Caching.start(({ url, headers }, response) => {
    const vary = url === "/cookie.png" ? "Cookie" : "Accept-Language";
    image(response, String(headers["accept-language"]), { vary });
  });
  const said: string[] = [];
  for (const language of ["en", "de", "en", "de"]) {
    const got = await caching.get("/a.png", { "accept-language": language });
    assert.equal(got.body, language);
    said.push(got.cache);
  }
  assert.deepEqual(said, ["MISS", "MISS", "HIT", "HIT"]);
  assert.equal((await caching.get("/cookie.png")).cache, "MISS vary-sensitive-field");
});

Deno.test("vector 14: an expired object is served while one request fetches it anew", async () => {
  let body = "old";
  let mayAnswer = true;
  const waiting: (() => void)[] = [];
  await using caching = await Caching.start((_, response) => {
    const reply = () => image(response, body, { "cache-control": "max-age=1" });
    if (mayAnswer) reply();
    else waiting.push(reply);
  }, "stale_while_revalidate_secs = 30");
  await caching.store("/a.png");
  mayAnswer = false;
  body = "new";
  const asked = caching.asked;
  await until(
    "the object expires",
    async () => (await caching.get("/a.png")).cache === "STALE-UPDATING",
  );
  for (let i = 0; i < 5; i++) {
    const got = await caching.get("/a.png");
    assert.equal(got.cache, "STALE-UPDATING");
    assert.equal(got.body, "old");
  }
  await until("the upstream is asked", () => waiting.length > 0);
  assert.equal(caching.asked, asked + 1);
  mayAnswer = true;
  for (const reply of waiting) reply();
  await until("the new one is stored", async () => (await caching.get("/a.png")).body === "new");
});

Deno.test("vector 15: an expired object stands in for failures, of the kinds that are named", async () => {
  for (
    const [more, expected] of [
      ["", "STALE"],
      ['stale_if_error_on = ["timeout"]', "EXPIRED"],
    ]
  ) {
    let fails = false;
    await using caching = await Caching.start((_, response) => {
      if (fails) return answer(response, 500, { "content-type": "image/png" }, "broken");
      image(response, "good", { "cache-control": "max-age=1" });
    }, `stale_if_error_secs = 30\n${more}`);
    await caching.store("/a.png");
    fails = true;
    await until("the object expires", async () => (await caching.get("/a.png")).cache !== "HIT");
    const got = await caching.get("/a.png");
    assert.match(got.cache, new RegExp(`^${expected}`));
    assert.equal(got.body, expected === "STALE" ? "good" : "broken");
    await caching.upstream[Symbol.asyncDispose]();
    const down = await caching.get("/a.png");
    assert.equal(down.status, expected === "STALE" ? 200 : 502);
  }
});

Deno.test("vector 16: a hundred clients that ask for one cold object cost one request", async () => {
  const waiting: ServerResponse[] = [];
  await using caching = await Caching.start((_, response) => void waiting.push(response));
  const clients = Array.from({ length: 100 }, () => caching.get("/a.png"));
  await until("the upstream is asked", () => waiting.length > 0);
  image(waiting[0]);
  const got = await Promise.all(clients);
  assert.deepEqual([...new Set(got.map(({ body }) => body))], ["image"]);
  assert.equal(got.filter(({ cache }) => cache === "MISS").length, 1);
  assert.equal(got.filter(({ cache }) => cache === "HIT").length, 99);
  assert.equal(caching.asked, 1);
});

Deno.test("vector 17: no client waits for what is not stored, once its head says so", async () => {
  const open: ServerResponse[] = [];
  await using caching = await Caching.start((_, response) => {
    response.writeHead(200, { "content-type": "image/png", "cache-control": "no-store" });
    response.write("x");
    open.push(response);
    if (open.length === 20) { for (const each of open) each.end(); }
  });
  const clients = Array.from({ length: 20 }, () => caching.get("/a.png"));
  // Each answer ends only when all have been asked for: no client can be waiting for the end of another's.
  const got = await Promise.all(clients);
  assert.deepEqual([...new Set(got.map(({ cache }) => cache))], ["MISS cache-control-no-store"]);
});

Deno.test("vector 18: a body that is too large reaches its client whole, and nothing of it stays", async () => {
  const size = 3 * 1024 * 1024;
  await using caching = await Caching.start(({ url }, response) => {
    const headers: Record<string, string> = url === "/long.png"
      ? { "content-length": String(size) }
      : {};
    response.writeHead(200, {
      "content-type": "image/png",
      "cache-control": "max-age=60",
      ...headers,
    });
    response.end("x".repeat(size));
  });
  for (let i = 0; i < 2; i++) {
    const chunked = await caching.get("/a.png");
    assert.match(chunked.cache, /^MISS/);
    assert.equal(chunked.body.length, size);
    const known = await caching.get("/long.png");
    assert.equal(known.cache, "MISS ResponseTooLarge");
    assert.equal(known.body.length, size);
  }
});

Deno.test("vector 19: an answer that breaks off is a broken answer, and is not stored", async () => {
  let isBroken = true;
  await using caching = await Caching.start(({ url }, response) => {
    if (!isBroken) return image(response, "whole");
    const headers: Record<string, string> = url === "/long.png" ? { "content-length": "100" } : {};
    response.writeHead(200, {
      "content-type": "image/png",
      "cache-control": "max-age=60",
      ...headers,
    });
    response.write("part");
    setImmediate(() => response.destroy());
  });
  for (const path of ["/a.png", "/long.png"]) {
    // One that breaks before anything of it has left becomes a 502.
    const status = await caching.get(path).then(({ status }) => status, () => "aborted");
    assert.ok(status === "aborted" || status === 502, String(status));
  }
  isBroken = false;
  for (const path of ["/a.png", "/long.png"]) {
    const got = await caching.get(path);
    assert.equal(got.cache, "MISS");
    assert.equal(got.body, "whole");
  }
});

Deno.test("vector 25: a range of a warm object", async () => {
  await using caching = await Caching.start(
    (_, response) => image(response, "0123456789"),
  );
  await caching.get("/a.png");
  const part = await caching.get("/a.png", { range: "bytes=2-4" });
  assert.equal(part.status, 206);
  assert.equal(part.cache, "HIT");
  assert.equal(part.body, "234");
  assert.equal(part.headers.get("content-range"), "bytes 2-4/10");
  const past = await caching.get("/a.png", { range: "bytes=10-" });
  assert.equal(past.status, 416);
  assert.equal(past.headers.get("content-range"), "bytes */10");
  assert.equal(caching.asked, 1);
});
