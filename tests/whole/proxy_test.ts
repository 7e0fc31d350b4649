import assert from "node:assert/strict";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, nginx, testWith, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

/** A gateway whose every path goes to `port`. */
function config(port: number, proxy = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1", "app.example"]
[vhosts.proxy]
upstream = "127.0.0.1:${port}"
${proxy}
`;
}

Deno.test("a request goes to the upstream and its answer comes back", async () => {
  await using upstream = await Upstream.start((_request, response, body) => {
    response.setHeader("x-answer", "yes");
    response.setHeader("server", "origin");
    response.writeHead(201);
    response.end(`got ${body}`);
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  const response = await fetch(gateway.url("/a%20b?x=1"), {
    method: "PUT",
    body: "hello",
    headers: { "x-forwarded-for": "1.2.3.4", cookie: "a=b", "x-own": "1" },
  });
  assert.equal(response.status, 201);
  assert.equal(await response.text(), "got hello");
  assert.equal(response.headers.get("x-answer"), "yes");
  assert.equal(response.headers.get("server"), "fluxheim");
  assert.equal(response.headers.get("via"), "1.1 fluxheim");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const { method, url, headers } = upstream.last;
  assert.equal(method, "PUT");
  assert.equal(url, "/a%20b?x=1");
  assert.equal(headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(headers["x-forwarded-proto"], "http");
  assert.equal(headers["x-forwarded-host"], `127.0.0.1:${gateway.port}`);
  assert.equal(headers.host, `127.0.0.1:${gateway.port}`);
  assert.equal(headers.via, "1.1 fluxheim");
  assert.equal(headers.cookie, "a=b");
  assert.equal(headers["x-own"], "1");
  assert.equal(headers.connection, undefined);
});

Deno.test("connections to the upstream are kept and used again", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(config(upstream.port));
  for (let i = 0; i < 20; i++) await (await fetch(gateway.url("/"))).text();
  assert.equal(upstream.connections, 1);
});

Deno.test("a kept connection that the upstream has dropped costs no request", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(config(upstream.port));
  for (let i = 0; i < 10; i++) {
    const response = await fetch(gateway.url("/"), { method: "POST", body: "again" });
    assert.equal(await response.text(), "ok");
    upstream.drop();
  }
  assert.equal(upstream.seen.length, 10);
});

Deno.test("hop-by-hop fields go neither way", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.setHeader("connection", "x-hop, keep-alive");
    response.setHeader("x-hop", "1");
    response.setHeader("keep-alive", "timeout=5");
    response.end("ok");
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: app.example\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 3\r\n" +
      "TE: trailers\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nTrailer: x\r\n" +
      "Proxy-Connection: x\r\nProxy-Authenticate: x\r\n\r\n",
  );
  const answer = await client.answer();
  assert.equal(answer?.fields.has("x-hop"), false);
  assert.equal(answer?.fields.has("keep-alive"), false);
  const { headers } = upstream.last;
  for (
    const name of [
      ...["x-mine", "keep-alive", "te", "trailer", "upgrade", "transfer-encoding"],
      ...["proxy-authenticate", "proxy-authorization", "proxy-connection"],
    ]
  ) {
    assert.equal(headers[name], undefined, name);
  }
});

Deno.test("an upstream without a listener is a 502 with no body, and logged with its reason", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT));
  const response = await fetch(gateway.url("/"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "");
  assert.equal(response.headers.get("cache-control"), "private, no-store");
  await until("the reason is logged", () => gateway.process.output.includes("refused"));
});

Deno.test("an upstream that does not answer in time is a 502", async () => {
  await using upstream = await Upstream.start(() => {});
  await using gateway = await TestGateway.start(
    config(upstream.port, "read_timeout_secs = 1"),
    {},
    PACED,
  );
  const response = await fetch(gateway.url("/"));
  assert.equal(response.status, 502);
  await response.body?.cancel();
});

Deno.test("an upstream that fails inside its answer cuts the client's answer short", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("some");
    fail = () => response.destroy();
  });
  let fail = () => {};
  await using gateway = await TestGateway.start(config(upstream.port));
  const body = (await fetch(gateway.url("/"))).body!.getReader();
  assert.equal(new TextDecoder().decode((await body.read()).value), "some");
  fail();
  await assert.rejects(body.read());
});

Deno.test("a client that goes away takes its upstream request with it", async () => {
  let closed = false;
  await using upstream = await Upstream.start((_request, response) => {
    response.on("close", () => closed = true);
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  const client = await RawClient.connect(gateway.port);
  await client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
  await until("the upstream has the request", () => upstream.seen.length === 1);
  client[Symbol.dispose]();
  await until("the upstream's connection is closed", () => closed);
});

Deno.test("a body larger than the limit is a 413, announced or not", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(
    config(upstream.port) + "[server.limits]\nmax_request_body_bytes = 16\n",
  );
  using announced = await RawClient.connect(gateway.port);
  await announced.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 17\r\n\r\n");
  assert.equal((await announced.answer())?.status, 413);
  using chunked = await RawClient.connect(gateway.port);
  await chunked.send(
    "POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "11\r\n12345678901234567\r\n0\r\n\r\n",
  );
  assert.equal((await chunked.answer())?.status, 413);
  assert.equal(upstream.seen.length, 0);
});

Deno.test("large bodies go both ways unchanged", async () => {
  const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 7 % 251);
  await using upstream = await Upstream.start((request, response, body) => {
    if (request.url === "/chunked") response.write("");
    response.end(body, "latin1");
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  for (const path of ["/length", "/chunked"]) {
    const response = await fetch(gateway.url(path), { method: "POST", body: large });
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), large);
  }
});

Deno.test("Expect is answered by the gateway and not passed on", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 100);
  await client.send("hi");
  assert.equal((await client.answer())?.body, "ok");
  assert.equal(upstream.last.headers.expect, undefined);
  assert.equal(upstream.last.body, "hi");
});

Deno.test("pages take the place of the gateway's own failures, not of the upstream's", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.writeHead(502);
    response.end("the upstream's own");
  });
  const pages = (to: number) =>
    config(to) +
    `[[vhosts.proxy.error_pages]]
status = 502
path = "/502.html"
web = { root = "{dir}/pages" }
`;
  const files = { "pages/502.html": "<p>sorry</p>" };
  {
    await using gateway = await TestGateway.start(pages(DEAD_PORT), files);
    const response = await fetch(gateway.url("/"));
    assert.equal(response.status, 502);
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(await response.text(), "<p>sorry</p>");
  }
  await using gateway = await TestGateway.start(pages(upstream.port), files);
  assert.equal(await (await fetch(gateway.url("/"))).text(), "the upstream's own");
});

testWith(["nginx"], "nginx as an upstream: lengths, chunks, HEAD, 304 and ranges", async () => {
  await using peer = await nginx(
    `server { listen 127.0.0.1:{port}; root {dir}/www; gzip on; gzip_min_length 1; gzip_types *; }`,
  );
  peer.dir.write("www/file.txt", "0123456789");
  await using gateway = await TestGateway.start(config(peer.port));
  const whole = await fetch(gateway.url("/file.txt"), {
    headers: { "accept-encoding": "identity" },
  });
  assert.equal(await whole.text(), "0123456789");
  assert.equal(whole.headers.get("content-length"), "10");
  const etag = whole.headers.get("etag") ?? "";
  const same = await fetch(gateway.url("/file.txt"), { headers: { "if-none-match": etag } });
  assert.equal(same.status, 304);
  await same.body?.cancel();
  const part = await fetch(gateway.url("/file.txt"), { headers: { range: "bytes=2-4" } });
  assert.equal(part.status, 206);
  assert.equal(await part.text(), "234");
  const head = await fetch(gateway.url("/file.txt"), { method: "HEAD" });
  assert.equal(head.status, 200);
  const packed = await fetch(gateway.url("/file.txt"), { headers: { "accept-encoding": "gzip" } });
  assert.equal(await packed.text(), "0123456789");
});
