import assert from "node:assert/strict";
import { TestGateway } from "../support/gateway.ts";
import { nginx, testWith } from "../support/peer.ts";

testWith(["nginx"], "an upstream is spoken to over HTTP/2 by prior knowledge", async () => {
  await using peer = await nginx(
    `client_max_body_size 4m;
     server { listen 127.0.0.1:{port} http2; root {dir}/www;
       location /echo { add_header x-protocol $server_protocol; return 200 "$request_method $http_host"; } }`,
  );
  peer.dir.write("www/large.bin", new Uint8Array(2_000_000).fill(65));
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "app"
hosts = ["127.0.0.1"]
[vhosts.proxy]
upstream = "127.0.0.1:${peer.port}"
upstream_http_version = "http2"
upstream_h2_max_streams = 64
`);
  const echo = await fetch(gateway.url("/echo"));
  assert.equal(await echo.text(), `GET 127.0.0.1:${gateway.port}`);
  assert.equal(echo.headers.get("x-protocol"), "HTTP/2.0");
  const large = await (await fetch(gateway.url("/large.bin"))).arrayBuffer();
  assert.equal(large.byteLength, 2_000_000);
  const many = await Promise.all(
    Array.from({ length: 100 }, async () => (await fetch(gateway.url("/echo"))).text()),
  );
  assert.ok(many.every((text) => text === `GET 127.0.0.1:${gateway.port}`));
  const posted = await fetch(gateway.url("/echo"), { method: "POST", body: "x".repeat(100_000) });
  assert.equal(await posted.text(), `POST 127.0.0.1:${gateway.port}`);
});
