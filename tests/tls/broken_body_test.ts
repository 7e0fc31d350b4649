/** Bodies that break off while a piece of them is on its way, over each kind of socket. */
import assert from "node:assert/strict";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { testWith } from "../testing/peer.ts";
import { authority, curl, pairFiles, pairTable } from "./testing/tls_site.ts";

const TRIES = 10;
const PIECE = "x".repeat(100_000);
const HEADS = {
  "content-length": "Content-Length: 300000\r\n\r\n",
  chunked: `Transfer-Encoding: chunked\r\n\r\n${PIECE.length.toString(16)}\r\n`,
};

for (const [terminator, key] of [["names", ""], ["fast", "fast_listener = true\n"]]) {
  testWith(
    ["curl"],
    `${terminator}: an answer that breaks off costs its client alone`,
    async () => {
      await using upstream = new RawUpstream(async (connection) => {
        const path = (await connection.head())?.split(" ")[1].slice(1);
        const [, head] = Object.entries(HEADS).find(([name]) => name === path) ?? [];
        await connection.send(`HTTP/1.1 200 OK\r\n${head}${PIECE}`);
        connection.close();
      });
      await using gateway = await TestGateway.start(
        `
[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
[tls]
enabled = true
${key}certificates = [${pairTable("a")}]
[proxy]
upstream = "127.0.0.1:${upstream.port}"
`,
        {
          ...pairFiles("a", authority.issue({ name: "a.test" })),
          "tls/root.pem": authority.root,
        },
      );
      for (const framing of Object.keys(HEADS)) {
        for (let i = 0; i < TRIES; i++) {
          const { code } = await curl(gateway, `https://a.test/${framing}`, "--http1.1");
          // 18: a part of the answer came, 56: it broke off.
          assert.ok(code === 18 || code === 56, `${framing}: curl ended with ${code}`);
        }
      }
      assert.doesNotMatch(gateway.process.output, /worker 0 died/);
      assert.match(gateway.process.output, /the answer to request \S+ broke off/);
    },
  );
}
