/** Bytes that an upstream sends after its answer, or without being asked, are never another request's answer. */
import assert from "node:assert/strict";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

/** An answer of one request that another one must never get. */
const STOLEN = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-User: alice\r\n\r\nstolen";
const FRESH = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh";

function config(port: number, keys = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstream = "127.0.0.1:${port}"
${keys}
`;
}

/** Answers the first request with `answer`, and once the test says so sends `surplus`. Others get `FRESH`. */
function talkative(answer: string, surplus: string) {
  const answered = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  const upstream = new RawUpstream(async (connection) => {
    await connection.head();
    if (connection.number > 1) {
      await connection.send(FRESH);
    } else {
      await connection.send(answer);
      await answered.promise;
      await connection.send(surplus);
      sent.resolve();
    }
    // Whatever comes on a connection that said too much is not answered.
    await connection.end();
  });
  return {
    upstream,
    /** Sends the surplus, and waits until the system has taken it. */
    async speak(): Promise<void> {
      answered.resolve();
      await sent.promise;
    },
  };
}

/** How often the gateway says that an upstream sent too much. */
function complaints(gateway: TestGateway): number {
  return gateway.process.output.split("after its answer").length - 1;
}

const FIVE = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\naaaaa";

for (
  const [what, request, answer, surplus] of [
    ["a second answer after a body of known length", "GET / HTTP/1.1", FIVE, STOLEN],
    [
      "a second answer after a chunked body",
      "GET / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
      STOLEN,
    ],
    ["an answer in pieces after the first", "GET / HTTP/1.1", FIVE, STOLEN.slice(0, 12)],
    [
      "a body after the answer to HEAD",
      "HEAD / HTTP/1.1",
      "HTTP/1.1 200 OK\r\nContent-Length: 78\r\n\r\n",
      STOLEN,
    ],
    ["a body after 204", "GET / HTTP/1.1", "HTTP/1.1 204 No Content\r\n\r\n", STOLEN],
    [
      "a body after 304",
      'GET / HTTP/1.1\r\nIf-None-Match: "a"',
      'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
      STOLEN,
    ],
    [
      "an interim answer that came too late",
      "GET / HTTP/1.1",
      FIVE,
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ],
  ] as const
) {
  Deno.test(`${what} is no request's answer, and is logged as the upstream's fault once`, async () => {
    const { upstream, speak } = talkative(answer, surplus);
    await using _ = upstream;
    await using gateway = await TestGateway.start(config(upstream.port));
    using first = await RawClient.connect(gateway.port);
    await first.send(`${request}\r\nHost: a\r\n\r\n`);
    assert.ok(await first.answer(!request.startsWith("HEAD")) !== undefined);
    await speak();
    using second = await RawClient.connect(gateway.port);
    await second.send("POST /mine HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert.equal((await second.answer())?.body, "fresh");
    await until("it is logged", () => complaints(gateway) > 0);
    assert.equal(complaints(gateway), 1);
    assert.match(gateway.process.output, new RegExp(`upstream 127.0.0.1:${upstream.port} `));
  });
}

Deno.test("bytes after a refused upgrade are no request's answer", async () => {
  const { upstream, speak } = talkative(FIVE, STOLEN);
  await using _ = upstream;
  await using gateway = await TestGateway.start(config(upstream.port, "websocket = true"));
  using first = await RawClient.connect(gateway.port);
  await first.send(
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  assert.equal((await first.answer())?.body, "aaaaa");
  await speak();
  assert.equal(await (await fetch(gateway.url("/mine"))).text(), "fresh");
});

Deno.test("a 408 on an idle connection ends it, and is no fault", async () => {
  const timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  const { upstream, speak } = talkative(FIVE, timeout);
  await using _ = upstream;
  await using gateway = await TestGateway.start(config(upstream.port));
  assert.equal(await (await fetch(gateway.url("/"))).text(), "aaaaa");
  await speak();
  const response = await fetch(gateway.url("/mine"), { method: "POST", body: "x" });
  assert.deepEqual([response.status, await response.text()], [200, "fresh"]);
  await until("the connection has ended", () => upstream.open === 1);
  assert.equal(complaints(gateway), 0);
});

Deno.test("what an auth service sends after its answer does not allow the next request", async () => {
  const answered = Promise.withResolvers<void>();
  const sent = Promise.withResolvers<void>();
  await using app = await Upstream.start((_request, response) => response.end("private"));
  await using auth = new RawUpstream(async (connection) => {
    const head = await connection.head();
    if (!/^cookie:/mi.test(head ?? "")) {
      await connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    } else {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-User: alice\r\n\r\n");
      await answered.promise;
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-User: alice\r\n\r\n");
      sent.resolve();
    }
    await connection.end();
  });
  const keys = `[proxy.auth_request]
enabled = true
url = "http://127.0.0.1:${auth.port}/check"
forward_headers = ["cookie"]
allow_response_headers = ["x-user"]`;
  await using gateway = await TestGateway.start(config(app.port, keys));
  const own = await fetch(gateway.url("/"), { headers: { cookie: "session=1" } });
  assert.equal(await own.text(), "private");
  answered.resolve();
  await sent.promise;
  const other = await fetch(gateway.url("/"));
  assert.deepEqual([other.status, await other.text()], [403, "no"]);
  assert.equal(app.seen.length, 1);
  await until("it is logged", () => complaints(gateway) === 1);
});
