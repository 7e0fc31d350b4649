/** The one safe retry, and what is not sent again. */
import assert from "node:assert/strict";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream, type RawUpstreamConnection } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { RawClient } from "../testing/raw.ts";
import { until } from "../testing/peer.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function config(port: number, server = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[proxy]
upstream = "127.0.0.1:${port}"
`;
}

/** Answers one request, so that the connection is kept; then does what the test wants. */
function keptThen(
  next: (connection: RawUpstreamConnection) => Promise<void>,
): (connection: RawUpstreamConnection) => Promise<void> {
  return async (connection) => {
    if (connection.number > 1) return await next(connection);
    await connection.head();
    await connection.send(OK);
    await next(connection);
  };
}

/** The status of a GET. */
async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

/** Makes the gateway keep one connection to the upstream. */
async function warmUp(gateway: TestGateway): Promise<void> {
  assert.equal(await (await fetch(gateway.url("/first"))).text(), "ok");
}

Deno.test("a request on a kept connection that ends without a byte is sent again, once", async () => {
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    const head = await connection.head();
    if (connection.number === 1) return;
    assert.match(head ?? "", /^GET \/again\?x=1 HTTP/);
    await connection.send(OK);
    await connection.head();
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  assert.equal(await (await fetch(gateway.url("/again?x=1"))).text(), "ok");
  assert.equal(upstream.connections.length, 2);
  assert.equal((await accessRecord(gateway, "/again")).upstream_retries, 1);
});

Deno.test("its body is sent again too, and whole", async () => {
  const body = "0123456789".repeat(5000);
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    const head = await connection.head();
    assert.match(head ?? "", /content-length: 50000/);
    const got = await connection.bytes(50_000);
    if (connection.number === 1) return;
    assert.equal(got, body);
    await connection.send(OK);
    await connection.head();
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  const response = await fetch(gateway.url("/put"), { method: "PUT", body });
  assert.equal(await response.text(), "ok");
  assert.equal((await accessRecord(gateway, "/put")).request_body_bytes, 50_000);
});

for (const method of ["POST", "PATCH", "PROPFIND"]) {
  Deno.test(`a ${method} that the upstream executes and does not answer is executed once`, async () => {
    let executed = 0;
    await using upstream = new RawUpstream(keptThen(async (connection) => {
      const head = await connection.head();
      if (head === undefined) return;
      assert.equal(await connection.bytes(4), "data");
      executed++;
    }));
    await using gateway = await TestGateway.start(config(upstream.port));
    await warmUp(gateway);
    const response = await fetch(gateway.url("/once"), { method, body: "data" });
    await response.body?.cancel();
    assert.equal(response.status, 502);
    assert.equal((await accessRecord(gateway, "/once")).upstream_retries, 0);
    assert.deepEqual([executed, upstream.connections.length], [1, 1]);
  });
}

Deno.test("a POST of which a part was sent is not sent again", async () => {
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    await connection.head();
    await connection.through("begun");
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "POST /part HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n",
  );
  assert.equal((await client.answer())?.status, 502);
  assert.equal(upstream.connections.length, 1);
});

Deno.test("a POST finds another connection when the kept one has ended, whatever its size", async () => {
  const closes = Promise.withResolvers<void>();
  const size = 200_000;
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    if (connection.number === 1) return await closes.promise;
    await connection.head();
    assert.equal((await connection.bytes(size)).length, size);
    await connection.send(OK);
    await connection.end();
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  closes.resolve();
  await until("the first connection has ended", () => upstream.open === 0);
  const response = await fetch(gateway.url("/post"), { method: "POST", body: "x".repeat(size) });
  assert.equal(await response.text(), "ok");
  assert.equal(upstream.connections.length, 2);
});

Deno.test("a body that is still on its way goes on where it was", async () => {
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    await connection.head();
    if (connection.number === 1) {
      assert.equal(await connection.through("begun"), "5\r\nbegun");
      return;
    }
    await connection.through("0\r\n\r\n").then((all) => {
      const text = all.replaceAll(/[0-9a-f]+\r\n|\r\n/g, "");
      assert.equal(text, "begun, and carried on");
    });
    await connection.send(OK);
    await connection.head();
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "PUT /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n",
  );
  await until("the body goes to another connection", () => upstream.connections.length === 2);
  await client.send("10\r\n, and carried on\r\n0\r\n\r\n");
  assert.equal((await client.answer())?.body, "ok");
});

Deno.test("a body of which too much has gone is not sent again, and its connection ends", async () => {
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    await connection.head();
    await connection.bytes(70_000);
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  using client = await RawClient.connect(gateway.port);
  await client.send("POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.send(`${(80_000).toString(16)}\r\n${"x".repeat(80_000)}\r\n`);
  const answer = await client.answer();
  assert.equal(answer?.status, 502);
  assert.equal(answer.fields.get("connection"), "close");
  assert.equal(upstream.connections.length, 1);
});

Deno.test("a fresh connection that ends without a byte is a 502", async () => {
  await using upstream = new RawUpstream(async (connection) => void await connection.head());
  await using gateway = await TestGateway.start(config(upstream.port));
  const response = await fetch(gateway.url("/fresh"));
  assert.equal(response.status, 502);
  assert.equal(await response.text(), "");
  assert.equal(upstream.connections.length, 1);
});

Deno.test("once a byte of an answer has come nothing is sent again", async () => {
  await using upstream = new RawUpstream(keptThen(async (connection) => {
    await connection.head();
    await connection.send("HTTP/1.1 200 O");
  }));
  await using gateway = await TestGateway.start(config(upstream.port));
  await warmUp(gateway);
  assert.equal(await statusOf(gateway.url("/begun")), 502);
  assert.equal(upstream.connections.length, 1);
});

Deno.test("max_retries = 0 forbids even that", async () => {
  await using upstream = new RawUpstream(
    keptThen(async (connection) => void await connection.head()),
  );
  await using gateway = await TestGateway.start(
    config(upstream.port, "[server.process]\nmax_retries = 0"),
  );
  await warmUp(gateway);
  assert.equal(await statusOf(gateway.url("/never")), 502);
  assert.equal(upstream.connections.length, 1);
});
