/**
 * How the real program takes what is wrong on the wire: the acceptance vectors of spec 01 section 3.7,
 * the body framing of 3.3 and the connection rules of 3.4, byte for byte over a socket.
 */
import assert from "node:assert/strict";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { moment, until } from "../testing/peer.ts";
import { type Answer, RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

/** The limits that the vectors are written for. */
const LIMITS = `
[server]
listen = ["127.0.0.1:{port}"]
[server.limits]
max_request_header_bytes = "2KiB"
max_uri_bytes = 512
max_request_headers = 8
max_request_body_bytes = 16
`;

const SITE = LIMITS + `
[[vhosts]]
name = "site"
hosts = ["a.test"]
web = { root = "{dir}/www" }
`;

const FILES = { "www/index.html": "page" };

const APP = (upstream: number) =>
  LIMITS + `
[[vhosts]]
name = "app"
hosts = ["a.test"]
proxy = { upstream = "127.0.0.1:${upstream}" }
`;

const HOST = "Host: a.test\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";

function head(line: string, ...fields: string[]): string {
  return `${line}\r\n${HOST}${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
}

/** What one connection gets for these bytes, and whether it is closed after the first answer. */
async function sent(port: number, bytes: string): Promise<Answer & { closed: boolean }> {
  using client = await RawClient.connect(port);
  await client.send(bytes);
  const answer = await client.answer();
  assert.ok(answer !== undefined, `no answer to ${JSON.stringify(bytes)}`);
  const closed = answer.fields.get("connection") === "close";
  if (closed) assert.ok(await client.isClosed());
  return { ...answer, closed };
}

interface Vector {
  readonly name: string;
  readonly bytes: string;
  readonly status: number;
  /** Whether the connection ends with the answer; otherwise it serves another request. */
  readonly closes: boolean;
}

const refused = (name: string, bytes: string, status = 400): Vector => ({
  name,
  bytes,
  status,
  closes: true,
});

const VECTORS: readonly Vector[] = [
  { name: "a valid GET", bytes: head("GET / HTTP/1.1"), status: 200, closes: false },
  refused("a length that is no number", head("POST / HTTP/1.1", "Content-Length: nope")),
  refused(
    "a length and a coding",
    head("POST / HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n",
  ),
  refused("a length beyond the limit", head("POST / HTTP/1.1", "Content-Length: 17"), 413),
  refused(
    "more fields than allowed",
    head("GET / HTTP/1.1", ...Array.from({ length: 19 }, (_, i) => `x-${i}: y`)),
    431,
  ),
  refused("another host in the target", head("GET http://other/ HTTP/1.1")),
  refused("a coding with HTTP/1.0", `POST / HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`),
  refused("a brace in the path", head("GET /raw{brace} HTTP/1.1")),

  // Section 3.1.
  refused("a head beyond its limit", head("GET / HTTP/1.1", `x: ${"y".repeat(2048)}`), 431),
  refused("a line beyond its limit", head(`GET /${"a".repeat(600)} HTTP/1.1`), 414),
  refused("a target beyond its limit by one", head(`GET /${"a".repeat(512)} HTTP/1.1`), 414),
  refused("no version", `GET /\r\n${HOST}\r\n`),
  refused("another version", head("GET / HTTP/1.2")),
  refused("a lower-case version", head("GET / http/1.1")),
  refused("two spaces in the request line", head("GET  / HTTP/1.1")),
  refused("a method that is no token", head("G(T / HTTP/1.1")),
  refused("two empty lines in front", "\r\n\r\n" + head("GET / HTTP/1.1")),
  refused("a space before the colon", head("GET / HTTP/1.1", "x : y")),
  refused("a line without a colon", head("GET / HTTP/1.1", "x")),
  refused("a field without a name", head("GET / HTTP/1.1", ": y")),
  refused("a folded line", head("GET / HTTP/1.1", "x: y\r\n z")),
  refused("a NUL in a value", head("GET / HTTP/1.1", "x: a\0b")),
  refused("a byte above 0x7F in a name", head("GET / HTTP/1.1", "x\xfc: y")),
  refused("a bare LF as a line end", `GET / HTTP/1.1\r\nHost: a.test\nx: y\r\n\r\n`),
  refused("a bare CR in a value", head("GET / HTTP/1.1", "x: a\rb")),

  // Section 3.2.
  refused("no host", "GET / HTTP/1.1\r\n\r\n"),
  refused("two hosts, although equal", head("GET / HTTP/1.1", "Host: a.test")),
  refused("an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
  refused("user information in the host", "GET / HTTP/1.1\r\nHost: me@a.test\r\n\r\n"),
  refused("a list of hosts", "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n"),
  refused("a host with a dot behind", "GET / HTTP/1.1\r\nHost: a.test.\r\n\r\n"),
  refused("a port beyond 65535", "GET / HTTP/1.1\r\nHost: a.test:65536\r\n\r\n"),
  refused("an invalid IPv6 host", "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"),
  refused("another scheme", head("GET ftp://a.test/ HTTP/1.1")),
  refused("a target that begins with //", head("GET //a HTTP/1.1")),
  refused("a fragment", head("GET /a#b HTTP/1.1")),
  refused("a backslash", head("GET /a\\b HTTP/1.1")),
  refused("half an escape", head("GET /a%2 HTTP/1.1")),
  refused("* for another method than OPTIONS", head("GET * HTTP/1.1")),
  refused("CONNECT without a port", "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n"),

  // Section 3.3.
  refused("two equal lengths", head("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1")),
  refused("a list of lengths", head("POST / HTTP/1.1", "Content-Length: 1, 1")),
  refused("a signed length", head("POST / HTTP/1.1", "Content-Length: +1")),
  refused("a length beyond 64 bits", head("POST / HTTP/1.1", `Content-Length: ${"9".repeat(20)}`)),
  refused("the coding identity", head("POST / HTTP/1.1", "Transfer-Encoding: identity")),
  refused("another coding as well", head("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked")),
  refused("the coding twice", head("POST / HTTP/1.1", CHUNKED.trim(), CHUNKED.trim())),

  // Section 3.4.
  refused("an empty element of Connection", head("GET / HTTP/1.1", "Connection: close,")),
  refused("an element of Connection with a space", head("GET / HTTP/1.1", "Connection: a b")),
];

Deno.test("what is wrong with a head is answered, and ends the connection", async (t) => {
  await using gateway = await TestGateway.start(SITE, FILES);
  for (const { name, bytes, status, closes } of VECTORS) {
    await t.step(name, async () => {
      const answer = await sent(gateway.port, bytes);
      assert.equal(answer.status, status);
      assert.equal(answer.closed, closes);
      // Short, and without anything of the request.
      if (status !== 200) assert.equal(answer.body, "");
    });
  }
});

Deno.test("a limit is the last size that passes", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  const target = `/${"a".repeat(511)}`;
  assert.equal((await sent(gateway.port, head(`GET ${target} HTTP/1.1`))).status, 404);
  const seven = Array.from({ length: 7 }, (_, i) => `x-${i}: y`);
  assert.equal((await sent(gateway.port, head("GET / HTTP/1.1", ...seven))).status, 200);
  const eight = [...seven, "x-7: y"];
  assert.equal((await sent(gateway.port, head("GET / HTTP/1.1", ...eight))).status, 431);
  const fill = 2048 - head("GET / HTTP/1.1", "x: ").length;
  const full = head("GET / HTTP/1.1", `x: ${"y".repeat(fill)}`);
  assert.equal(full.length, 2048);
  assert.equal((await sent(gateway.port, full)).status, 200);
  assert.equal((await sent(gateway.port, full.replace("yy", "yyy"))).status, 431);
});

Deno.test("forms of a target that mean the same are served alike", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  for (const line of ["GET /", "GET http://A.test/", "GET HTTP://a.test", "GET /?a=b?c/d"]) {
    assert.equal((await sent(gateway.port, head(`${line} HTTP/1.1`))).body, "page", line);
  }
  const old = await sent(gateway.port, "GET / HTTP/1.0\r\n\r\n");
  assert.deepEqual([old.body, old.closed], ["page", true]);
});

Deno.test("OPTIONS * passes the parser and fails at path safety", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  const answer = await sent(gateway.port, head("OPTIONS * HTTP/1.1"));
  assert.deepEqual([answer.status, answer.body], [400, "unsafe request path"]);
});

Deno.test("a chunked body that is not read must be framed correctly all the same", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  const post = head("POST / HTTP/1.1", CHUNKED.trim());
  const right = await sent(gateway.port, post + "5\r\nhello\r\n0\r\n\r\n");
  assert.deepEqual([right.status, right.closed], [404, false]);
  const wrong = await sent(gateway.port, post + "ffffffffffffffff\r\n");
  assert.deepEqual([wrong.status, wrong.closed], [400, true]);
  // One that has not come yet cannot be judged; the connection is of no further use.
  const absent = await sent(gateway.port, post);
  assert.deepEqual([absent.status, absent.closed], [404, true]);
});

/** Bodies behind a chunked head that an application would be sent. */
const BODIES: readonly (readonly [name: string, body: string, status: number])[] = [
  ["whole", "5\r\nhello\r\n0\r\n\r\n", 200],
  ["with extensions", '5;a;b=c;d="e f"\r\nhello\r\n0\r\n\r\n', 200],
  ["upper and lower case sizes", "A\r\n0123456789\r\n0\r\n\r\n", 200],
  ["at its limit", "10\r\n0123456789abcdef\r\n0\r\n\r\n", 200],
  ["beyond its limit", "11\r\n0123456789abcdefg\r\n0\r\n\r\n", 413],
  ["beyond its limit in pieces", "9\r\n012345678\r\n9\r\n012345678\r\n0\r\n\r\n", 413],
  ["of a size that overflows", "ffffffffffffffff\r\n", 400],
  ["of a chunk beyond 1 MiB", "100001\r\n", 400],
  ["without a size", "\r\nhello\r\n0\r\n\r\n", 400],
  ["of a signed size", "+5\r\nhello\r\n0\r\n\r\n", 400],
  ["of a size in another notation", "0x5\r\nhello\r\n0\r\n\r\n", 400],
  ["with a space before the size", " 5\r\nhello\r\n0\r\n\r\n", 400],
  ["with a space behind the size", "5 \r\nhello\r\n0\r\n\r\n", 400],
  ["with a bare LF behind the size", "5\nhello\r\n0\r\n\r\n", 400],
  ["with a malformed extension", "5;=x\r\nhello\r\n0\r\n\r\n", 400],
  ["longer than its size", "4\r\nhello\r\n0\r\n\r\n", 400],
  ["with trailers", "5\r\nhello\r\n0\r\nx: y\r\n\r\n", 400],
];

Deno.test("a chunked body is decoded strictly, and a wrong one ends the connection", async (t) => {
  await using upstream = await Upstream.start((_request, response, body) => response.end(body));
  await using gateway = await TestGateway.start(APP(upstream.port));
  for (const [name, body, status] of BODIES) {
    await t.step(name, async () => {
      const request = head("POST / HTTP/1.1", CHUNKED.trim());
      const answer = await sent(gateway.port, request + body);
      assert.equal(answer.status, status);
      assert.equal(answer.closed, status !== 200);
    });
  }
});

Deno.test("a body that ends with the connection is a 400, not a request of another size", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(APP(upstream.port));
  for (const body of ["Content-Length: 10\r\n\r\nhello", `${CHUNKED}\r\n5\r\nhel`]) {
    using client = await RawClient.connect(gateway.port);
    await client.send(`POST / HTTP/1.1\r\n${HOST}${body}`);
    await client.conn.closeWrite();
    assert.equal((await client.answer())?.status, 400);
    assert.ok(await client.isClosed());
  }
  assert.equal(upstream.seen.length, 0);
});

Deno.test("pipelined requests of every kind are answered in order, the bad one last", async () => {
  await using upstream = await Upstream.start((request, response, body) =>
    response.end(`${request.url} ${body}`)
  );
  await using gateway = await TestGateway.start(
    APP(upstream.port) + `[[vhosts.routes]]\nname = "old"\npath_prefix = "/old"\n` +
      `redirect = { to = "https://new.test{uri}" }\n`,
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(
    head("GET /1 HTTP/1.1") +
      head("POST /2 HTTP/1.1", "Content-Length: 3") + "two" +
      head("GET /old/3 HTTP/1.1") +
      head("POST /4 HTTP/1.1", CHUNKED.trim()) + "4\r\nfour\r\n0\r\n\r\n" +
      head("HEAD /5 HTTP/1.1") +
      head("GET /6%2f HTTP/1.1") +
      head("GET / HTTP/1.1", "bad") +
      head("GET /never HTTP/1.1"),
  );
  assert.equal((await client.answer())?.body, "/1 ");
  assert.equal((await client.answer())?.body, "/2 two");
  assert.equal((await client.answer())?.status, 308);
  assert.equal((await client.answer())?.body, "/4 four");
  assert.equal((await client.answer(false))?.status, 200);
  assert.equal((await client.answer())?.body, "unsafe request path");
  assert.equal((await client.answer())?.status, 400);
  assert.ok(await client.isClosed());
  assert.ok(!upstream.seen.some(({ url }) => url === "/never"));
});

Deno.test("what is smuggled behind a refused request never reaches the upstream", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(APP(upstream.port));
  const hidden = head("GET /hidden HTTP/1.1");
  const carriers = [
    head("POST / HTTP/1.1", `Content-Length: ${hidden.length}`, CHUNKED.trim()) + "0\r\n\r\n",
    head("POST / HTTP/1.1", "Transfer-Encoding: chunked, chunked") + "0\r\n\r\n",
    head("POST / HTTP/1.1", "Transfer-Encoding : chunked") + "0\r\n\r\n",
    head("POST / HTTP/1.1", "Content-Length: 0", `Content-Length: ${hidden.length}`),
    `POST / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n${CHUNKED}\r\n0\r\n\r\n`,
    head("POST / HTTP/1.1", CHUNKED.trim()) + "0\r\nx: y\r\n\r\n",
  ];
  for (const carrier of carriers) {
    using client = await RawClient.connect(gateway.port);
    await client.send(carrier + hidden);
    const answer = await client.answer();
    assert.equal(answer?.status, 400, JSON.stringify(carrier));
    assert.ok(await client.isClosed());
  }
  assert.ok(!upstream.seen.some(({ url }) => url === "/hidden"));
});

Deno.test("a head that dribbles in is dropped unanswered when its time is over", async () => {
  await using gateway = await TestGateway.start(SITE, FILES, PACED);
  using client = await RawClient.connect(gateway.port);
  await client.send("GET / HTTP/1.1\r\n");
  // Each byte is progress, and none of them buys more time.
  let dribbles = true;
  const dribbling = (async () => {
    while (dribbles) {
      await client.send("x").catch(() => dribbles = false);
      await moment();
    }
  })();
  assert.equal(await client.rest(), "");
  dribbles = false;
  await dribbling;
});

Deno.test("a body that stops coming is a 408 when its time is over, and nothing waits upstream", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(
    APP(upstream.port).replace(" }\n", ", downstream_read_timeout_secs = 1 }\n"),
    {},
    PACED,
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(head("POST / HTTP/1.1", "Content-Length: 10") + "hello");
  const answer = await client.answer();
  assert.equal(answer?.status, 408);
  assert.equal(answer?.fields.get("connection"), "close");
  await until(
    "the upstream's connection is gone",
    () =>
      new Promise((resolve) =>
        upstream.server.getConnections((_error, count) => resolve(count === 0))
      ),
  );
});

Deno.test("an answer that pauses longer than a write may take is not cut", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.write("before ");
    goOn = () => response.end("behind");
  });
  let goOn: (() => void) | undefined;
  await using gateway = await TestGateway.start(
    APP(upstream.port).replace(" }\n", ", downstream_write_timeout_secs = 1 }\n"),
    {},
    PACED,
  );
  const answer = sent(gateway.port, head("GET / HTTP/1.1"));
  await until("it is being answered", () => goOn !== undefined);
  // As long as a client may be idle, which is ten times as long as a write may take here.
  using idle = await RawClient.connect(gateway.port);
  assert.ok(await idle.isClosed());
  goOn?.();
  assert.equal((await answer).body, "before behind");
});

Deno.test("a client that sends a whole upload before it looks gets the refusal", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  using client = await RawClient.connect(gateway.port);
  const size = 32 * 1024 * 1024;
  await client.send(head("POST / HTTP/1.1", `Content-Length: ${size}`));
  const piece = "x".repeat(1024 * 1024);
  for (let sent = 0; sent < size; sent += piece.length) await client.send(piece);
  const answer = await client.answer();
  assert.equal(answer?.status, 413);
  assert.equal(answer.fields.get("connection"), "close");
});

Deno.test("the log says at debug why a request was refused for its body", async () => {
  await using upstream = await Upstream.start((_request, response) => void response.end("ok"));
  const config = APP(upstream.port) + '[logging]\nlevel = "debug"\n';
  await using gateway = await TestGateway.start(config, FILES);
  const post = head("POST / HTTP/1.1", CHUNKED.trim());
  assert.equal((await sent(gateway.port, post + "zz\r\n")).status, 400);
  await until("it is said", () => /refused with 400: .*a chunk size/.test(gateway.process.output));
});
