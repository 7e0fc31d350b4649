/** Gateways that fill their caches from each other. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RawClient } from "../testing/raw.ts";
import { freePort } from "../testing/peer.ts";
import { TestGateway } from "../testing/gateway.ts";
import { image } from "../testing/caching.ts";
import { Upstream } from "../testing/upstream.ts";

/** Two gateways before one upstream, each with the other one as its peer. */
class Pair implements AsyncDisposable {
  private constructor(
    readonly upstream: Upstream,
    readonly a: TestGateway,
    readonly b: TestGateway,
  ) {}

  static async start(
    respond: (request: IncomingMessage, response: ServerResponse) => void,
    cache = "",
    peer = "",
  ): Promise<Pair> {
    await using made = new AsyncDisposableStack();
    const upstream = made.use(await Upstream.start(respond));
    const [portA, portB] = [freePort(), freePort()];
    const start = (own: number, other: number) =>
      TestGateway.start(`[server]
listen = ["127.0.0.1:{port}", "127.0.0.1:${own}"]
[server.process]
threads = 1
[[vhosts]]
name = "a"
hosts = ["h"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.cache]
enabled = true
status_header = "X-Cache-Status"
status_reason_header = "X-Cache-Reason"
max_object_bytes = "1 MiB"
${cache}
[vhosts.cache.memory]
enabled = true
max_size_bytes = "8 MiB"
[vhosts.cache.peer_fill]
enabled = true
${peer}
[[vhosts.cache.peer_fill.peers]]
name = "other"
base_url = "http://127.0.0.1:${other}"
`);
    const a = made.use(await start(portA, portB));
    const b = made.use(await start(portB, portA));
    made.move();
    return new Pair(upstream, a, b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.a[Symbol.asyncDispose]().catch(() => {});
    await this.b[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

async function get(
  { port }: TestGateway,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; said: string; body: string; age: string }> {
  using client = await RawClient.connect(port);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await client.send(`${method} ${path} HTTP/1.1\r\nHost: h\r\n${lines}\r\n`);
  const answer = await client.answer();
  assert.ok(answer !== undefined);
  const { status, fields, body } = answer;
  const said = [fields.get("x-cache-status"), fields.get("x-cache-reason")]
    .filter((text) => text !== undefined && text !== null).join(" ");
  return { status, said, body, age: String(fields.get("age") ?? "") };
}

Deno.test("vectors 27 and 28: a peer has what the upstream is not asked for, and peers that name each other end", async () => {
  await using pair = await Pair.start((_, response) => image(response));
  assert.equal((await get(pair.a, "/a.png", { cookie: "x=y" })).said, "MISS");
  assert.equal((await get(pair.b, "/a.png", { cookie: "x=y" })).said, "PEER-HIT");
  assert.equal((await get(pair.b, "/a.png")).said, "HIT");
  assert.equal(pair.upstream.seen.length, 1);
  assert.equal(pair.upstream.last.headers["x-fluxheim-peer-fill"], undefined);
  // A client that claims to be a peer gains nothing, and the upstream does not hear of it.
  await get(pair.a, "/marked.html", { "x-fluxheim-peer-fill": "1" });
  assert.equal(pair.upstream.last.headers["x-fluxheim-peer-fill"], undefined);
  await get(pair.a, "/marked.png", { "x-fluxheim-peer-fill": "1" });
  assert.equal(pair.upstream.last.headers["x-fluxheim-peer-fill"], undefined);
});

Deno.test("an answer that was chosen by a field that the peer was not sent is not taken", async () => {
  await using pair = await Pair.start((request, response) =>
    image(response, String(request.headers["x-kind"]), { vary: "X-Kind" })
  );
  await get(pair.a, "/a.png");
  const other = await get(pair.b, "/a.png", { "x-kind": "2" });
  assert.deepEqual([other.said, other.body], ["MISS", "2"]);
  assert.equal((await get(pair.b, "/a.png")).said, "PEER-HIT");
});

Deno.test("A9: an object does not get a new life with each peer that it comes to", async () => {
  await using pair = await Pair.start(
    (_, response) => image(response),
    "status_ttls = { 200 = 60 }",
  );
  await get(pair.a, "/a.png");
  const before = Date.now();
  while (Date.now() - before < 1100) await get(pair.a, "/a.png");
  assert.equal((await get(pair.b, "/a.png")).said, "PEER-HIT");
  assert.notEqual((await get(pair.b, "/a.png")).age, "0");
});

Deno.test("A10: a purge is not undone by a peer that was not purged", async () => {
  let version = "v1";
  await using pair = await Pair.start((request, response) => {
    if (request.method === "GET") return image(response, version);
    response.writeHead(204);
    response.end();
  });
  await get(pair.a, "/a.png");
  assert.equal((await get(pair.b, "/a.png")).said, "PEER-HIT");
  version = "v2";
  await get(pair.a, "/a.png", {}, "DELETE");
  assert.deepEqual([(await get(pair.a, "/a.png")).body, (await get(pair.b, "/a.png")).body], [
    "v2",
    "v1",
  ]);
});

Deno.test("without an upstream to fall back on a miss of all peers is a 504, and a stale copy is better", async () => {
  await using pair = await Pair.start((_, response) => image(response), "", "fail_open = false");
  const got = await get(pair.a, "/a.png");
  assert.deepEqual([got.status, got.said, got.body], [504, "MISS peer-fill-miss", "cache miss"]);
  assert.equal(pair.upstream.seen.length, 0);
});

Deno.test("a peer that is down, or sends something else, is passed over", async () => {
  await using pair = await Pair.start((_, response) => image(response));
  await pair.a[Symbol.asyncDispose]();
  for (const path of ["/a.png", "/b.png"]) assert.equal((await get(pair.b, path)).said, "MISS");
});
