/** Trailers of requests over HTTP/2: they follow the rules of heads, whichever protocol the upstream speaks. */
import assert from "node:assert/strict";
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectH2 } from "../peers/raw_h2.ts";
import { data, type Pair, post } from "../../src/http/h2/testing/connection.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";

/** Answers each request with the names of its trailers, in both protocols. */
async function upstreams(): Promise<AsyncDisposable & { http1: number; http2: number }> {
  const old = createHttp1Server((request, response) => {
    request.resume().on("end", () => {
      response.end(request.rawTrailers.filter((_, i) => i % 2 === 0).join(" ").toLowerCase());
    });
  });
  const modern = createHttp2Server();
  const sessions = new Set<{ destroy(): void }>();
  modern.on("session", (session) => void sessions.add(session));
  modern.on("stream", (stream) => {
    let names: string[] = [];
    stream.on("trailers", (fields) => names = Object.keys(fields));
    stream.resume().on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(names.join(" "));
    });
  });
  await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => modern.listen(0, "127.0.0.1", resolve));
  return {
    http1: (old.address() as AddressInfo).port,
    http2: (modern.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      old.closeAllConnections();
      await new Promise((resolve) => old.close(resolve));
      await new Promise((resolve) => modern.close(resolve));
    },
  };
}

const TRAILERS: readonly Pair[] = [
  ["x-sum", "6"],
  ["x-forwarded-for", "10.0.0.1"],
  ["x_forwarded_for", "10.0.0.1"],
  ["x-forwarded-proto", "https"],
  ["x-request-id", "1"],
  ["x-gateway", "1"],
  ["x-secret", "1"],
  ["via", "1.1 other"],
  ["host", "other"],
  ["authorization", "Basic eDp5"],
  ["cookie", "a=1"],
  ["content_length", "5"],
  ["proxy-authorization", "x"],
  ["x-more", "b"],
];

Deno.test("trailers of requests pass, less what a head may not bring", async () => {
  await using certificate = new TestCertificate();
  await using upstream = await upstreams();
  const route = (name: "http1" | "http2") =>
    `[[vhosts.routes]]
name = "${name}"
path_prefix = "/${name}"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream[name]}"
upstream_http_version = "${name}"
`;
  await using gateway = await TestGateway.start(`[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
${certificate.tables}
[headers.request]
unset = ["x-secret"]
set = { x-gateway = "yes" }
[[vhosts]]
name = "a"
hosts = ["test"]
${route("http1")}
${route("http2")}
`);
  const client = await connectH2(gateway.port, certificate);
  for (const [id, path] of [[1, "/http1"], [3, "/http2"]] as const) {
    const fields = post().map(([name, value]): Pair => [name, name === ":path" ? path : value]);
    await client.send(
      client.headers(id, fields, false),
      data(id, new TextEncoder().encode("abc")),
      client.headers(id, TRAILERS),
    );
    const { body } = await client.answer(id);
    assert.equal(new TextDecoder().decode(body), "x-sum x-more", path);
  }
  client.close();
});
