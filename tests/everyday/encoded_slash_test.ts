/** `%2F` in paths, for applications that read it as part of a name. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { Upstream } from "../testing/upstream.ts";

function config(port: number): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "broker"
hosts = ["127.0.0.1"]
[[vhosts.routes]]
name = "queues"
path_prefix = "/api"
encoded_slashes = true
strip_prefix = "/api"
rewrite_prefix = "/v1"
proxy.upstream = "127.0.0.1:${port}"
[[vhosts.routes]]
name = "secret"
path_prefix = "/api/secret"
proxy.upstream = "127.0.0.1:${port}"
access.deny = ["0.0.0.0/0"]
[[vhosts.routes]]
name = "rest"
fallback = true
proxy.upstream = "127.0.0.1:${port}"
`;
}

async function get(gateway: TestGateway, path: string): Promise<number> {
  using socket = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
  await socket.write(new TextEncoder().encode(request));
  const text = await new Response(socket.readable).text();
  return Number(text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
}

Deno.test("a route that opts in sends encoded slashes on as they came", async () => {
  await using app = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(config(app.port));
  for (const path of ["/queues/%2F/name", "/@scope%2fname", "/%2F", "/a%2Fb%20c?d=%2F"]) {
    assert.equal(await get(gateway, `/api${path}`), 200, path);
    assert.equal(app.last.url, `/v1${path}`);
  }
});

Deno.test("an encoded slash opens no way around a route, and hides no dots", async () => {
  await using app = await Upstream.start((_request, response) => response.end("app"));
  await using gateway = await TestGateway.start(config(app.port));
  const guarded = [
    "/api/%2Fsecret/x",
    "/api/%2F%2fsecret%2Fx",
    "/api/%73ecret%2Fx",
  ];
  for (const path of guarded) assert.equal(await get(gateway, path), 403, path);
  const refused = [
    "/other%2Fname",
    "/api/secret/%2F",
    "/api%2Fsecret/x",
    "/api/a%2F..%2Fsecret",
    "/api/a%2F%2e%2E/secret",
    "/api/..%2Fsecret",
    "/api/.%2Fsecret",
    "/api//a%2Fb",
    "/api/a%252Fb",
    "/api/a%2Fb%5C",
    "/api/a%2Fb%00",
  ];
  for (const path of refused) assert.equal(await get(gateway, path), 400, path);
  assert.equal(app.seen.length, 0);
});

Deno.test("encoded slashes are for routes with a proxy", async () => {
  const text = config(1).replace('proxy.upstream = "127.0.0.1:1"', 'respond.body = "x"');
  await assert.rejects(TestGateway.start(text), /encoded_slashes.*needs the action proxy/);
});
