/** Answers of upstreams that break off: before anything was sent, and in the middle (spec 02 section 9.4). */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

const GET = "GET / HTTP/1.1\r\nHost: app.test\r\nX-Request-ID: asked-1\r\n\r\n";

/** An upstream that says `answer` to each request, whatever it is, and ends the connection. */
function upstreamThatSays(answer: string): RawUpstream {
  return new RawUpstream(async (connection) => {
    if (await connection.head() === undefined) return;
    await connection.send(answer);
  });
}

function gatewayTo(upstream: RawUpstream, keys = ""): Promise<TestGateway> {
  return TestGateway.start(
    `[server]\nlisten = ["127.0.0.1:{port}"]\n` +
      `[proxy]\nupstream = "127.0.0.1:${upstream.port}"\n${keys}`,
  );
}

/** Access record of the one request that was asked, and what was logged beside it. */
async function logged(gateway: TestGateway): Promise<{ access: string; warning: string }> {
  const lines = () => gateway.process.output.split("\n");
  const find = (text: string) => lines().find((line) => line.includes(text)) ?? "";
  await until(
    "both are written",
    () => find('"event":"access"') !== "" && find("broke off") !== "",
  );
  return { access: find('"event":"access"'), warning: find("broke off") };
}

Deno.test("a body whose first chunk is broken is a 502, because nothing of it has been sent", async () => {
  await using upstream = upstreamThatSays(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
  );
  await using gateway = await gatewayTo(upstream);
  using client = await RawClient.connect(gateway.port);
  await client.send(GET);
  const answer = await client.answer();
  assert.equal(answer?.status, 502);
  assert.equal(answer.fields.get("cache-control"), "private, no-store");
  assert.equal(answer.body, "");
  const { access } = await logged(gateway);
  assert.match(access, /"status":502,.*"error":true,.*"response_body_bytes":0/);
});

Deno.test("a body that ends too early is cut for the client as well, and the log tells of it", async () => {
  await using upstream = upstreamThatSays("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  await using gateway = await gatewayTo(upstream);
  using client = await RawClient.connect(gateway.port);
  await client.send(GET);
  assert.match(await client.rest(), /^HTTP\/1\.1 200 OK\r\n(.+\r\n)+\r\nabc$/);
  const { access, warning } = await logged(gateway);
  assert.match(access, /"status":200,.*"error":true,.*"response_body_bytes":3/);
  assert.match(warning, /"level":"WARN"/);
  assert.match(
    warning,
    /the answer to request asked-1 broke off: the upstream's body ends 7 bytes early/,
  );
});

Deno.test("a body that does not go on in time is cut, and the log says why", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    if (await connection.head() === undefined) return;
    await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    await connection.end();
  });
  await using gateway = await gatewayTo(upstream, "read_timeout_secs = 1");
  using client = await RawClient.connect(gateway.port);
  await client.send(GET);
  assert.match(await client.rest(), /\r\n3\r\nabc\r\n$/);
  const { warning } = await logged(gateway);
  assert.match(warning, /the answer to request asked-1 broke off: the upstream took too long/);
});

for (
  const [framing, begun] of [
    ["Content-Length: 9", "abc"],
    ["Transfer-Encoding: chunked", "3\r\nabc\r\n"],
  ]
) {
  Deno.test(`an upload whose client resets it leaves nothing behind, with ${framing}`, async () => {
    let received = "";
    let isOver = false;
    await using upstream = new RawUpstream(async (connection) => {
      if (await connection.head() === undefined) return;
      received = await connection.through("abc");
      await connection.end();
      isOver = true;
    });
    await using gateway = await gatewayTo(upstream);
    const client = connect(gateway.port, "127.0.0.1");
    client.write(`PUT / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n\r\n${begun}`);
    await until("the upstream has the beginning", () => received.endsWith("abc"));
    client.resetAndDestroy();
    await until("the upstream's connection is over", () => isOver);
    await until(
      "the access record is written",
      () => gateway.process.output.includes('"event":"access"'),
    );
  });
}
