/** An answer that comes before the upload it is for has ended, over TLS. */
import assert from "node:assert/strict";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { moment } from "../testing/peer.ts";
import { authority, pairFiles, pairTable } from "./testing/tls_site.ts";

const PIECE = new Uint8Array(64 * 1024);
const PIECES = 32;

for (const [terminator, key] of [["names", ""], ["fast", "fast_listener = true\n"]]) {
  Deno.test(`${terminator}: a client that sends on before it looks gets the early answer`, async () => {
    await using upstream = new RawUpstream(async (connection) => {
      await connection.head();
      await connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      // It goes on taking what comes: the gateway waits for more to pass on.
      await connection.end();
    });
    await using gateway = await TestGateway.start(
      `
[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
[server.limits]
max_request_body_bytes = "64MiB"
[tls]
enabled = true
${key}certificates = [${pairTable("a")}]
[proxy]
upstream = "127.0.0.1:${upstream.port}"
`,
      pairFiles("a", authority.issue({ name: "localhost", names: ["localhost", "127.0.0.1"] })),
    );
    using client = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: gateway.port,
      caCerts: [authority.root],
    });
    const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${1 << 25}\r\n\r\n`;
    await client.write(new TextEncoder().encode(head));
    for (let i = 0; i < PIECES; i++) {
      for (let sent = 0; sent < PIECE.length;) sent += await client.write(PIECE.subarray(sent));
      await moment();
    }
    const answer = new Uint8Array(4096);
    const length = await client.read(answer);
    const text = new TextDecoder().decode(answer.subarray(0, length ?? 0));
    assert.match(text, /^HTTP\/1\.1 403 /);
  });
}
