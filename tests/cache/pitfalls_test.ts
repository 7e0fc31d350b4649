/** What goes wrong in caches elsewhere, tried on this one with real clients and upstreams. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { until } from "../../src/net/testing/until.ts";
import { Caching, image } from "../testing/caching.ts";
import { Upstream } from "../testing/upstream.ts";

function style(response: ServerResponse, body: string, headers: Record<string, string> = {}): void {
  image(response, body, { "content-type": "text/css", ...headers });
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? "");
}

Deno.test("A1: what an auth service says about a client is not stored for others", async () => {
  await using auth = await Upstream.start(({ headers }, response) => {
    response.writeHead(204, { "x-user": headers.cookie ?? "" });
    response.end();
  });
  await using caching = await Caching.start(
    (request, response) => style(response, header(request, "x-user")),
    "",
    {
      vhost: `[vhosts.proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${auth.port}/auth"
forward_headers = ["cookie"]
allow_response_headers = ["x-user"]
`,
    },
  );
  const a = await caching.get("/me.css", { cookie: "u=a" });
  assert.equal(a.body, "u=a");
  assert.equal(a.cache, "BYPASS request-identity");
  assert.equal((await caching.get("/me.css", { cookie: "u=b" })).body, "u=b");
});

Deno.test("A2: nothing that a client sends besides what the key has comes back to others", async () => {
  const fields = [
    "x-forwarded-host",
    "x-forwarded-scheme",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x_forwarded_host",
  ];
  await using caching = await Caching.start((request, response) =>
    style(
      response,
      JSON.stringify([request.headers.host, ...fields.map((name) => header(request, name))]),
    )
  );
  for (const [i, name] of fields.entries()) {
    const poisoned = await caching.get(`/${i}.css`, { [name]: "poison" });
    assert.equal(poisoned.cache, "MISS");
    const plain = await caching.get(`/${i}.css`);
    assert.equal(plain.cache, "HIT", name);
    assert.doesNotMatch(plain.body, /poison/, name);
  }
  using client = await caching.raw();
  await client.send("GET /port.css HTTP/1.1\r\nHost: h:1337\r\nConnection: close\r\n\r\n");
  assert.match(await client.rest(), /h:1337/);
  using other = await caching.raw();
  await other.send("GET /port.css HTTP/1.1\r\nHost: H\r\nConnection: close\r\n\r\n");
  assert.doesNotMatch(await other.rest(), /1337/);
});

Deno.test("A6: a purge by a write is not undone by a confirmation under way", async () => {
  let version = "v1";
  let confirm: (() => void) | undefined;
  await using caching = await Caching.start((request, response) => {
    if (request.method === "POST") {
      response.writeHead(204);
      return void response.end();
    }
    const reply = () =>
      image(response, version, { etag: `"${version}"`, "cache-control": "max-age=1" });
    if (request.headers["if-none-match"] === '"v1"') {
      confirm = () => {
        response.writeHead(304, { etag: '"v1"', "cache-control": "max-age=60" });
        response.end();
      };
      return;
    }
    reply();
  });
  await caching.get("/a.png");
  const asked = until("it expires", async () => {
    const got = caching.get("/a.png");
    await Promise.race([
      got,
      until("the upstream is asked to confirm", () => confirm !== undefined),
    ]);
    return confirm !== undefined;
  });
  await asked;
  version = "v2";
  assert.equal((await caching.get("/a.png", {}, "POST")).status, 204);
  confirm?.();
  await until("the new version is served", async () => (await caching.get("/a.png")).body === "v2");
  for (let i = 0; i < 5; i++) assert.equal((await caching.get("/a.png")).body, "v2");
});

Deno.test("A7: a write that succeeds makes the stored answer go, one that fails does not", async () => {
  let status = 204;
  await using caching = await Caching.start((request, response) => {
    if (request.method === "GET") return image(response);
    response.writeHead(status, { location: "/b.png" });
    response.end();
  });
  for (const path of ["/a.png", "/b.png"]) await caching.get(path);
  assert.equal((await caching.get("/a.png", {}, "DELETE")).cache, "");
  assert.equal((await caching.get("/a.png")).cache, "MISS");
  assert.equal((await caching.get("/b.png")).cache, "HIT");
  status = 405;
  await caching.get("/a.png", {}, "POST");
  assert.equal((await caching.get("/a.png")).cache, "HIT");
});

Deno.test("A13: the default lifetime admits no errors, and a crafted request poisons no path", async () => {
  await using caching = await Caching.start((request, response) => {
    if (request.headers["x-bad"] === "1") {
      response.writeHead(400, { "content-type": "image/png" });
      return void response.end("bad");
    }
    image(response);
  }, "default_status_ttl_secs = 60");
  const bad = await caching.get("/a.png", { "x-bad": "1" });
  assert.equal(bad.cache, "MISS status-not-cacheable");
  assert.equal((await caching.get("/a.png")).status, 200);
});

Deno.test("A14: a refresh that fails leaves the stale copy, and an answer about the resource replaces it", async () => {
  let mode = "good";
  await using caching = await Caching.start((_, response) => {
    if (mode === "good") return image(response, "v1", { "cache-control": "max-age=1" });
    if (mode === "cut") {
      response.writeHead(200, { "content-type": "image/png", "content-length": "9" });
      response.write("cut");
      return void setImmediate(() => response.destroy());
    }
    response.writeHead(mode === "503" ? 503 : 410, { "content-type": "image/png" });
    response.end("x");
  }, "stale_if_error_secs = 300");
  await caching.store("/a.png");
  mode = "503";
  await until("it expires", async () => (await caching.get("/a.png")).cache === "STALE");
  mode = "cut";
  await caching.get("/a.png").catch(() => {});
  mode = "503";
  assert.equal((await caching.get("/a.png")).body, "v1");
  mode = "410";
  assert.equal((await caching.get("/a.png")).status, 410);
  mode = "503";
  assert.equal((await caching.get("/a.png")).status, 503);
});

Deno.test("A15: a path that servers cut before its extension is not stored, nor a type that does not fit", async () => {
  await using caching = await Caching.start((request, response) =>
    image(response, header(request, "cookie"), {
      "content-type": request.url === "/a.css" ? "image/svg+xml" : "text/css",
    })
  );
  for (const path of ["/me;x.css", "/me%3bx.css", "/me%23x.css", "/me%3fx.css", "/me%26x.css"]) {
    await caching.get(path, { cookie: "a" });
    assert.equal((await caching.get(path, { cookie: "b" })).body, "b", path);
  }
  for (let i = 0; i < 2; i++) {
    assert.equal((await caching.get("/a.css")).cache, "MISS content-type-not-cacheable");
  }
});

Deno.test("A17: a part of something that no client asked for before is fetched as a part", async () => {
  await using caching = await Caching.start((request, response) => {
    if (request.headers.range === "bytes=0-0") {
      response.writeHead(206, {
        "content-type": "image/png",
        "content-range": "bytes 0-0/1000000",
        "content-length": "1",
      });
      return void response.end("x");
    }
    image(response, "x".repeat(1_000_000));
  });
  for (let i = 0; i < 5; i++) {
    const got = await caching.get(`/a.png?${i}`, { range: "bytes=0-0" });
    assert.equal(got.status, 206);
    assert.equal(got.cache, "BYPASS range-miss");
  }
  assert.equal((await caching.get("/a.png?0", { range: "bytes=0-0" })).cache, "MISS");
  assert.equal((await caching.get("/a.png?0", { range: "bytes=0-0" })).cache, "HIT");
});

Deno.test("A18: a slow first client delays no other", async () => {
  const size = 900_000;
  await using caching = await Caching.start((_, response) => image(response, "x".repeat(size)));
  using slow = await caching.raw();
  await slow.send("GET /a.png HTTP/1.1\r\nHost: h\r\n\r\n");
  await until("the upstream is asked", () => caching.asked === 1);
  const got = await Promise.all(
    Array.from({ length: 20 }, () => caching.get("/a.png", { host: "h" })),
  );
  assert.ok(got.every(({ body }) => body.length === size));
});

Deno.test("A21: fields called like members of every object tell variants apart", async () => {
  for (const name of ["constructor", "__proto__"]) {
    await using caching = await Caching.start((request, response) =>
      image(response, header(request, name), { vary: name })
    );
    for (const value of ["1", "2", "1"]) {
      using client = await caching.raw();
      await client.send(
        `GET /a.png HTTP/1.1\r\nHost: h\r\n${name}: ${value}\r\nConnection: close\r\n\r\n`,
      );
      assert.match(await client.rest(), new RegExp(`\r\n\r\n${name === "__proto__" ? "" : value}`));
    }
    assert.equal(caching.asked, 2, name);
  }
});

Deno.test("A20: variants differ by what the upstream sees", async () => {
  await using caching = await Caching.start(
    (request, response) =>
      image(response, header(request, "accept-language"), {
        vary: request.url === "/id.png" ? "X-Request-Id" : "Accept-Language",
      }),
    "",
    { root: '[headers.request.set]\naccept-language = "en"\n' },
  );
  assert.equal((await caching.get("/a.png", { "accept-language": "de" })).cache, "MISS");
  assert.equal((await caching.get("/a.png", { "accept-language": "fr" })).cache, "HIT");
  assert.equal((await caching.get("/id.png")).cache, "MISS vary-star");
});

Deno.test("A23: a bare 304 freshens the object, and takes nothing of its body away", async () => {
  await using caching = await Caching.start((request, response) => {
    if (request.headers["if-none-match"] === '"1"') {
      response.sendDate = false;
      response.writeHead(304, { etag: '"1"', "content-encoding": "gzip" });
      return void response.end();
    }
    image(response, "image", { etag: '"1"', "cache-control": "max-age=2" });
  });
  await caching.get("/a.png");
  let confirmed = await caching.get("/a.png");
  await until("it expires", async () => (confirmed = await caching.get("/a.png")).cache !== "HIT");
  assert.equal(confirmed.cache, "REVALIDATED");
  assert.equal(confirmed.body, "image");
  assert.equal(confirmed.headers.get("content-encoding"), null);
  const hit = await caching.get("/a.png");
  assert.equal(hit.cache, "HIT");
  assert.match(hit.headers.get("age") ?? "", /^[0-2]$/);
  assert.equal(hit.body, "image");
  assert.equal(caching.asked, 2);
});

Deno.test("A24: a range is a range of what is served, whichever way it came", async () => {
  let mode = "first";
  await using caching = await Caching.start((request, response) => {
    if (mode === "304" && request.headers["if-none-match"] !== undefined) {
      response.writeHead(304, { etag: '"1"' });
      return void response.end();
    }
    if (mode === "500") {
      response.writeHead(500);
      return void response.end();
    }
    const body = mode === "longer" ? "abcdefghijkl" : "0123456789";
    response.writeHead(200, {
      "content-type": "image/png",
      "cache-control": "max-age=1",
      etag: mode === "longer" ? '"2"' : '"1"',
      ...(mode === "chunked" ? {} : { "content-length": String(body.length) }),
    });
    response.end(body);
  }, "stale_if_error_secs = 300");
  const range = { range: "bytes=2-3" };
  await caching.get("/a.png");
  mode = "304";
  let got = await caching.get("/a.png", range);
  await until("it expires", async () => (got = await caching.get("/a.png", range)).cache !== "HIT");
  assert.deepEqual([got.cache, got.status, got.body], ["REVALIDATED", 206, "23"]);
  mode = "longer";
  await until("it expires", async () => (got = await caching.get("/a.png", range)).cache !== "HIT");
  assert.deepEqual([got.cache, got.status, got.body], ["EXPIRED", 206, "cd"]);
  assert.equal(got.headers.get("content-range"), "bytes 2-3/12");
  const old = await caching.get("/a.png", { ...range, "if-range": '"1"' });
  assert.equal(old.status, 200);
  mode = "500";
  await until("it expires", async () => (got = await caching.get("/a.png", range)).cache !== "HIT");
  assert.deepEqual([got.cache, got.status, got.body], ["STALE", 206, "cd"]);
  mode = "chunked";
  await caching.get("/c.png", range);
  got = await caching.get("/c.png", range);
  assert.deepEqual([got.status, got.body], [206, "23"]);
});

Deno.test("A27: clients that wait for other variants than the first go on all at once", async () => {
  const waiting: ServerResponse[] = [];
  await using caching = await Caching.start((request, response) => {
    const reply = () =>
      image(response, header(request, "accept-language"), { vary: "Accept-Language" });
    if (waiting.length === 0) waiting.push(Object.assign(response, { reply }));
    else {
      waiting.push(Object.assign(response, { reply }));
      // Nothing but the first is answered before all are there.
      if (waiting.length === 20) {
        for (const each of waiting.slice(1)) (each as unknown as { reply(): void }).reply();
      }
    }
  });
  const clients = Array.from(
    { length: 20 },
    (_, i) => caching.get("/a.png", { "accept-language": `l${i}` }),
  );
  await until("the first is asked for", () => waiting.length === 1);
  (waiting[0] as unknown as { reply(): void }).reply();
  const got = await Promise.all(clients);
  assert.deepEqual(got.map(({ body }) => body).sort(), clients.map((_, i) => `l${i}`).sort());
});
