/** What is still in flight when the time to drain is over (spec 01 section 8). */
import assert from "node:assert/strict";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, testWith, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { authority, curl, pairFiles, pairTable } from "./testing/tls_site.ts";

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

testWith(["curl"], "what outlives the drain is cut, and has its access record", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    if ((await connection.head())?.includes("/tunnel")) await connection.send(SWITCHED + "12345");
    await connection.end();
  });
  const clear = freePort();
  await using gateway = await TestGateway.start(
    `
[server]
listen = ["127.0.0.1:${clear}"]
tls_listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
graceful_shutdown_timeout_seconds = 1
[tls]
enabled = true
certificates = [${pairTable("a")}]
[proxy]
upstream = "127.0.0.1:${upstream.port}"
upgrade_protocols = ["x"]
`,
    {
      ...pairFiles("a", authority.issue({ name: "a.test" })),
      "tls/root.pem": authority.root,
    },
  );
  const asked = [
    curl(gateway, "https://a.test/http1", "--http1.1"),
    curl(gateway, "https://a.test/http2", "--http2"),
  ];
  using tunnel = await RawClient.connect(clear);
  await tunnel.send("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  assert.equal((await tunnel.answer())?.status, 101);
  await until("all wait for the upstream", () => upstream.connections.length === 3);

  gateway.process.signal("SIGTERM");
  assert.equal((await gateway.process.ended).code, 0);
  for (const { out } of await Promise.all(asked)) assert.equal(out, "");
  assert.match(gateway.process.output, /not every connection ended in time/);
  for (const path of ["/http1", "/http2"]) {
    const { error, status } = await accessRecord(gateway, path);
    assert.deepEqual({ error, status }, { error: true, status: null });
  }
  const { status, response_body_bytes: bytes } = await accessRecord(gateway, "/tunnel");
  assert.deepEqual({ status, bytes }, { status: 101, bytes: 5 });
});
