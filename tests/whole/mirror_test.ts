/** Traffic mirroring (spec 02 section 9.9). */
import assert from "node:assert/strict";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, moment, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { type Responder, Upstream } from "../testing/upstream.ts";

function config(mirror: number, app: number, keys = "", server = "", base = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[[vhosts.routes]]
name = "all"
path_prefix = "/v1"
strip_prefix = "/v1"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${app}"
[vhosts.routes.proxy.mirror]
enabled = true
base_url = "http://127.0.0.1:${mirror}${base}"
${keys}
`;
}

const OK: Responder = (_request, response) => response.end("ok");

async function get(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init);
  return `${response.status} ${await response.text()}`;
}

Deno.test("a copy has the original path, the listed fields, a mark and no body", async () => {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(OK);
  await using gateway = await TestGateway.start(
    config(mirror.port, app.port, 'forward_headers = ["cookie", "X-Own"]', "", "/copy/"),
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "GET /v1/a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: a=1\r\nCookie: b=2\r\nX-Own: 1\r\n" +
      "Authorization: secret\r\n\r\n",
  );
  assert.equal((await client.answer())?.body, "ok");
  await until("the copy has come", () => mirror.seen.length === 1);
  assert.equal(app.last.url, "/a%20b?c=d");
  assert.equal(app.last.headers["x-fluxheim-mirror"], undefined);
  assert.equal(mirror.last.method, "GET");
  assert.equal(mirror.last.url, "/copy/v1/a%20b?c=d");
  assert.deepEqual(mirror.last.headers, {
    host: `127.0.0.1:${mirror.port}`,
    cookie: "a=1; b=2",
    "x-own": "1",
    "cache-control": "no-store",
    "x-fluxheim-mirror": "1",
  });
});

/** What a mirror with every field about the client gets of a forged request. */
async function toldOf(headers: string): Promise<Record<string, unknown>> {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(OK);
  const names =
    '"host", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", ' +
    '"true-client-ip", "forwarded"';
  await using gateway = await TestGateway.start(
    config(mirror.port, app.port, `forward_headers = [${names}]\n${headers}`),
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "GET /v1/a HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n" +
      "X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nTrue-Client-IP: 6.6.6.6\r\n" +
      "Forwarded: for=6.6.6.6\r\n\r\n",
  );
  assert.equal((await client.answer())?.body, "ok");
  await until("the copy has come", () => mirror.seen.length === 1);
  return mirror.last.headers;
}

/** What the gateway says itself, and its marks. */
const OWN_WORD = {
  host: "127.0.0.1",
  "x-real-ip": "127.0.0.1",
  "x-forwarded-for": "127.0.0.1",
  "x-forwarded-host": "127.0.0.1",
  "x-forwarded-proto": "http",
  "cache-control": "no-store",
  "x-fluxheim-mirror": "1",
};

Deno.test("what a copy says of the client is the gateway's word, never a client's own", async () => {
  assert.deepEqual(await toldOf(""), OWN_WORD);
});

Deno.test("a client's claims without a word of the gateway's pass where stripping is off", async () => {
  const off = "[vhosts.routes.headers.request]\nstrip_inbound_client_ip_headers = false";
  assert.deepEqual(await toldOf(off), {
    ...OWN_WORD,
    "true-client-ip": "6.6.6.6",
    forwarded: "for=6.6.6.6",
  });
});

Deno.test("only listed methods are copied, and no request that is a copy itself", async () => {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(OK);
  await using gateway = await TestGateway.start(config(mirror.port, app.port));
  for (const method of ["POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS"]) {
    await get(gateway.url(`/v1/${method}`), { method });
  }
  await get(gateway.url("/v1/marked"), { headers: { "x-fluxheim-mirror": "1" } });
  await get(gateway.url("/v1/last"));
  await until("the copies have come", () => mirror.seen.length === 4);
  assert.deepEqual(
    mirror.seen.map(({ method, url }) => `${method} ${url}`).sort(),
    ["GET /v1/GET", "GET /v1/last", "HEAD /v1/HEAD", "OPTIONS /v1/OPTIONS"],
  );
  assert.equal(app.seen.length, 8);
});

Deno.test("a mirror that hangs, or is not there, delays and changes nothing", async () => {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(() => {});
  for (const port of [mirror.port, DEAD_PORT]) {
    await using gateway = await TestGateway.start(config(port, app.port));
    for (let i = 0; i < 20; i++) assert.equal(await get(gateway.url("/v1/x")), "200 ok");
  }
});

Deno.test("timeout_secs is for a whole copy, however busily its answer dribbles", async () => {
  await using app = await Upstream.start(OK);
  let ended = false;
  await using mirror = new RawUpstream(async (connection) => {
    await connection.head();
    try {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
      for (;;) {
        await connection.send("x");
        await moment();
      }
    } catch {
      ended = true;
    }
  });
  await using gateway = await TestGateway.start(
    config(mirror.port, app.port, "timeout_secs = 1"),
    {},
    PACED,
  );
  assert.equal(await get(gateway.url("/v1/")), "200 ok");
  await until("the copy is given up", () => ended);
});

Deno.test("an answer larger than max_response_bytes is not read on", async () => {
  await using app = await Upstream.start(OK);
  let cut = false;
  await using mirror = new RawUpstream(async (connection) => {
    await connection.head();
    try {
      await connection.send("HTTP/1.1 200 OK\r\n\r\n");
      for (;;) await connection.send("x".repeat(1_000_000));
    } catch {
      cut = true;
    }
  });
  await using gateway = await TestGateway.start(config(mirror.port, app.port));
  assert.equal(await get(gateway.url("/v1/")), "200 ok");
  await until("the copy is cut", () => cut);
});

Deno.test("max_in_flight holds for all workers together; more copies are dropped", async () => {
  const waiting: (() => void)[] = [];
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start((_request, response) => {
    waiting.push(() => response.end());
  });
  await using gateway = await TestGateway.start(
    config(
      mirror.port,
      app.port,
      "max_in_flight = 3\ntimeout_secs = 60",
      "[server.process]\nthreads = 2",
    ),
  );
  const many = () =>
    Promise.all(Array.from({ length: 40 }, async (_, i) => {
      using client = await RawClient.connect(gateway.port);
      await client.send(`GET /v1/${i} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      assert.equal((await client.answer())?.body, "ok");
    }));
  await many();
  await until("three are under way", () => waiting.length === 3);
  await many();
  assert.equal(mirror.seen.length, 3);
  for (const release of waiting.splice(0)) release();
  await until("there is room again", async () => {
    await get(gateway.url("/v1/again"));
    return mirror.seen.length > 3;
  });
});

Deno.test("sampling copies its share, and equal requests alike, in every worker", async () => {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(OK);
  await using gateway = await TestGateway.start(
    config(
      mirror.port,
      app.port,
      "sample_per_mille = 300\nmax_in_flight = 1024",
      "[server.process]\nthreads = 2",
    ),
  );
  const rounds = 4;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 8 }, async (_, part) => {
      using client = await RawClient.connect(gateway.port);
      for (let i = 0; i < 25; i++) {
        await client.send(`GET /v1/${part}/${i} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
        await client.answer();
      }
    }));
  }
  const times = new Map<string, number>();
  const settled = () => mirror.seen.length % rounds === 0 && mirror.seen.length > 0;
  await until("all copies have come", settled);
  for (const { url } of mirror.seen) times.set(url, (times.get(url) ?? 0) + 1);
  assert.ok([...times.values()].every((count) => count === rounds));
  // Of 200: far off the expected 60 only by a chance of less than one in a million.
  assert.ok(times.size > 25 && times.size < 100, `${times.size}`);
});

Deno.test("a path that the gateway refuses is not copied", async () => {
  await using app = await Upstream.start(OK);
  await using mirror = await Upstream.start(OK);
  await using gateway = await TestGateway.start(config(mirror.port, app.port));
  using client = await RawClient.connect(gateway.port);
  await client.send("GET /v1/%2e%2e/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.equal((await client.answer())?.status, 400);
  await get(gateway.url("/v1/fine"));
  await until("another copy has come", () => mirror.seen.length > 0);
  assert.deepEqual(mirror.seen.map(({ url }) => url), ["/v1/fine"]);
});

Deno.test("methods with an effect are refused when it is loaded", async () => {
  await assert.rejects(TestGateway.start(config(1, 2, 'methods = ["POST"]')), /methods/);
});
