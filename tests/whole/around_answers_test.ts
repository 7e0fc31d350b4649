/** Trailers of answers, between every pair of protocols. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../support/gateway.ts";
import { RawClient } from "../support/raw.ts";

/** A gateway that listens with and without TLS, and has an upstream of each protocol. */
function config(http1: number, http2: number, secure: number, tables: string): string {
  const route = (name: string, port: number, version: string) =>
    `[[vhosts.routes]]
name = "${name}"
path_prefix = "/${name}"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${port}"
upstream_http_version = "${version}"
`;
  return `[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${secure}"]
${tables}
[[vhosts]]
name = "a"
hosts = ["localhost", "127.0.0.1"]
${route("h1", http1, "http1")}
${route("h2", http2, "http2")}
`;
}

/** An HTTP/1 upstream; what is too late behind a body stands among its trailers. */
function oldUpstream(): RawUpstream {
  return new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n" +
          "X-Sum: 6\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n" +
          "Host: other\r\nX-More: b\r\nX-More: c\r\n\r\n",
      );
    }
  });
}

/** An HTTP/2 upstream with trailers. */
async function newUpstream(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "6", "x-more": "b, c" }));
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.end("abc");
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => void sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Body and trailers of a GET over HTTP/2. */
function getOverHttp2(
  port: number,
  root: string,
  path: string,
): Promise<[body: string, trailers: Record<string, unknown>]> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, { ca: root });
    session.on("error", reject);
    const request = session.request({ ":path": path });
    let body = "";
    let trailers: Record<string, unknown> = {};
    request.setEncoding("utf8");
    request.on("data", (part: string) => body += part);
    request.on(
      "trailers",
      (fields: Record<string, unknown>) => trailers = Object.fromEntries(Object.entries(fields)),
    );
    request.on("end", () => {
      session.close(() => resolve([body, trailers]));
    });
    request.on("error", reject);
    request.end();
  });
}

Deno.test("trailers pass between all protocols, but for those that are too late", async () => {
  await using certificate = new TestCertificate();
  await using http1 = oldUpstream();
  await using http2 = await newUpstream();
  const secure = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr.port;
  })();
  await using gateway = await TestGateway.start(
    config(http1.port, http2.port, secure, certificate.tables),
  );
  for (const path of ["/h1", "/h2"]) {
    using client = await RawClient.connect(gateway.port);
    await client.send(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n`,
    );
    const text = await client.rest();
    const lines = text.slice(text.indexOf("0\r\n")).split("\r\n").filter((line) => line !== "");
    const expected = path === "/h1"
      ? ["0", "x-sum: 6", "x-more: b", "x-more: c"]
      : ["0", "x-sum: 6", "x-more: b, c"];
    assert.deepEqual(lines, expected);

    const [body, trailers] = await getOverHttp2(secure, certificate.authority.root, path);
    assert.equal(body, "abc");
    assert.deepEqual(trailers, { "x-sum": "6", "x-more": "b, c" });
  }
});
