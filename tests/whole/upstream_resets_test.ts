/** Upstreams that reset a stream within their answer: the client of HTTP/2 gets the code that says why. */
import assert from "node:assert/strict";
import { data, get, RawPeer, reset } from "../../src/http/h2/testing/connection.ts";
import { ErrorCode } from "../../src/http/h2/wire/errors.ts";
import { FrameType, readUint32 } from "../../src/http/h2/wire/frames.ts";
import { connectH2 } from "../peers/raw_h2.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

Deno.test("a reset within an answer passes with its code, but for those that would mislead", async () => {
  await using certificate = new TestCertificate();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const { CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, REFUSED_STREAM } = ErrorCode;
  const codes = [
    [CANCEL, CANCEL],
    [ENHANCE_YOUR_CALM, ENHANCE_YOUR_CALM],
    [REFUSED_STREAM, INTERNAL_ERROR],
  ];
  const begun = codes.map(() => Promise.withResolvers<void>());
  const upstream = (async () => {
    const peer = new RawPeer(await listener.accept());
    await peer.welcome();
    for (const [i, [code]] of codes.entries()) {
      const id = 2 * i + 1;
      await peer.until(FrameType.HEADERS, id);
      await peer.send(
        peer.headers(id, [[":status", "200"]], false),
        data(id, new Uint8Array(5)),
      );
      // Before anything was sent to the client it would get a 502.
      await begun[i].promise;
      await peer.send(reset(id, code));
    }
    await peer.untilEnd();
    peer.close();
  })();
  {
    await using gateway = await TestGateway.start(`[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
${certificate.tables}
[proxy]
upstream = "127.0.0.1:${port}"
upstream_http_version = "http2"
upstream_h2_max_streams = 10
`);
    const client = await connectH2(gateway.port, certificate);
    for (const [i, [, goes]] of codes.entries()) {
      await client.send(client.headers(2 * i + 1, get()));
      await client.until(FrameType.DATA, 2 * i + 1);
      begun[i].resolve();
      const { payload } = await client.until(FrameType.RST_STREAM, 2 * i + 1);
      assert.equal(readUint32(payload, 0), goes);
    }
    client.close();
    await until("the log names it", () => gateway.process.output.includes("ENHANCE_YOUR_CALM"));
  }
  listener.close();
  await upstream;
});
