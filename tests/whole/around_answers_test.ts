/** What is around answers, between every pair of protocols: interim answers, and trailers. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { freePort } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

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

const LINK = "</a.css>; rel=preload";

/** An HTTP/1 upstream that gives hints; what is too late after a body is among its trailers. */
function oldUpstream(): RawUpstream {
  return new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await connection.send(
        `HTTP/1.1 103 Early Hints\r\nLink: ${LINK}\r\nX-Inner: 1\r\nContent-Length: 5\r\n\r\n`,
      );
      await connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n" +
          "X-Sum: 6\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n" +
          "Host: other\r\nX-More: b\r\nX-More: c\r\n\r\n",
      );
    }
  });
}

/** An HTTP/2 upstream with hints and trailers. */
async function newUpstream(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "6", "x-more": "b, c" }));
    stream.additionalHeaders({ ":status": 103, link: LINK, "x-inner": "1" });
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

/** What came for a GET over HTTP/2. */
interface Got {
  readonly hints: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
}

function getOverHttp2(
  port: number,
  root: string,
  path: string,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const session = connect(`https://localhost:${port}`, { ca: root });
    session.on("error", reject);
    const request = session.request({ ":path": path });
    let body = "";
    let hints: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    request.setEncoding("utf8");
    request.on(
      "headers",
      (fields: Record<string, unknown>) => hints = Object.fromEntries(Object.entries(fields)),
    );
    request.on("data", (part: string) => body += part);
    request.on(
      "trailers",
      (fields: Record<string, unknown>) => trailers = Object.fromEntries(Object.entries(fields)),
    );
    request.on("end", () => {
      session.close(() => resolve({ hints, body, trailers }));
    });
    request.on("error", reject);
    request.end();
  });
}

/** A gateway with an upstream of each protocol, while `use` has it. */
async function withGateway(
  use: (gateway: TestGateway, get: (path: string) => Promise<Got>) => Promise<void>,
): Promise<void> {
  await using certificate = new TestCertificate();
  await using http1 = oldUpstream();
  await using http2 = await newUpstream();
  const secure = freePort();
  await using gateway = await TestGateway.start(
    config(http1.port, http2.port, secure, certificate.tables),
  );
  await use(gateway, (path) => getOverHttp2(secure, certificate.authority.root, path));
}

Deno.test("early hints pass between all protocols, with the fields that are hints", async () => {
  await withGateway(async (gateway, get) => {
    for (const path of ["/h1", "/h2"]) {
      for (const version of ["1.1", "1.0"]) {
        using client = await RawClient.connect(gateway.port);
        await client.send(
          `GET ${path} HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
        );
        const [first, ...rest] = (await client.rest()).split("HTTP/1.1 ").slice(1);
        const hints = `103 Early Hints\r\nlink: ${LINK}\r\n\r\n`;
        assert.equal(version === "1.1" ? first : hints, hints, path);
        assert.match(version === "1.1" ? rest[0] : first, /^200 OK\r\n/);
      }
      const { hints, body } = await get(path);
      assert.deepEqual(hints, { ":status": 103, link: LINK });
      assert.equal(body, "abc");
    }
  });
});

Deno.test("trailers pass between all protocols, but for those that are too late", async () => {
  await withGateway(async (gateway, get) => {
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

      const { body, trailers } = await get(path);
      assert.equal(body, "abc");
      assert.deepEqual(trailers, { "x-sum": "6", "x-more": "b, c" });
    }
  });
});
