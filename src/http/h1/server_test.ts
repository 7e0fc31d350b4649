import assert from "node:assert/strict";
import { RawClient } from "./testing/raw_client.ts";
import { echo, hello, TestServer } from "./testing/connection.ts";

Deno.test("requests on a kept connection are answered in order", async () => {
  await using server = new TestServer(echo);
  using client = await RawClient.connect(server.port);
  for (const path of ["/one", "/two"]) {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await client.answer())?.body, `GET ${path} `);
  }
});

Deno.test("pipelined requests are answered in order, bodies included", async () => {
  await using server = new TestServer(echo);
  using client = await RawClient.connect(server.port);
  await client.send(
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
      "GET /b HTTP/1.1\r\nHost: a\r\n\r\n" +
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n" +
      "GET /d HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  for (const body of ["POST /a abc", "GET /b ", "POST /c xy", "GET /d "]) {
    assert.equal((await client.answer())?.body, body);
  }
});

Deno.test("a request that comes byte by byte is understood", async () => {
  await using server = new TestServer(echo);
  using client = await RawClient.connect(server.port);
  for (
    const byte
      of "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n"
  ) {
    await client.send(byte);
  }
  assert.equal((await client.answer())?.body, "POST /x z");
});

Deno.test("one empty line before a request is skipped", async () => {
  await using server = new TestServer(echo);
  using client = await RawClient.connect(server.port);
  await client.send("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.answer())?.body, "GET /a ");
  // As old clients did, after a body.
  await client.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\n");
  assert.equal((await client.answer())?.body, "POST /b x");
  for (const byte of "GET /c HTTP/1.1\r\nHost: a\r\n\r\n") await client.send(byte);
  assert.equal((await client.answer())?.body, "GET /c ");
  for (const byte of "\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n") await client.send(byte);
  assert.equal((await client.answer())?.body, "GET /d ");
  await client.send("\r\n\r\nGET /e HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.answer())?.status, 400);
  assert.ok(await client.isClosed());
});

Deno.test("a refused head is answered and ends the connection", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await client.answer();
  assert.equal(answer?.status, 400);
  assert.equal(answer?.fields.get("connection"), "close");
  assert.ok(await client.isClosed());
  assert.equal(server.finished.length, 1);
});

Deno.test("a head beyond its limit is refused with 431, finished or not", async () => {
  const limits = { maxHeadBytes: 2048, maxUriBytes: 512, maxFields: 100 };
  await using server = new TestServer(hello, limits);
  for (const end of ["\r\n\r\n", ""]) {
    using client = await RawClient.connect(server.port);
    await client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(2048)}${end}`);
    assert.equal((await client.answer())?.status, 431);
  }
});

Deno.test("a request line beyond its limit is refused with 414, finished or not", async () => {
  const limits = { maxHeadBytes: 2048, maxUriBytes: 512, maxFields: 100 };
  await using server = new TestServer(hello, limits);
  for (const end of [" HTTP/1.1\r\nHost: a\r\n\r\n", ""]) {
    using client = await RawClient.connect(server.port);
    await client.send(`GET /${"y".repeat(600)}${end}`);
    assert.equal((await client.answer())?.status, 414);
  }
});

Deno.test("a large head within its limit is read", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  const lines = `X: ${"y".repeat(8000)}\r\n`.repeat(7);
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  assert.equal((await client.answer())?.status, 200);
});

Deno.test("HEAD has the length of the body and no body", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const head = await client.answer(false);
  assert.equal(head?.fields.get("content-length"), "5");
  assert.equal((await client.answer())?.body, "hello");
});

Deno.test("HTTP/1.0 ends the connection, and keeps it when asked to", async () => {
  await using server = new TestServer(hello);
  using plain = await RawClient.connect(server.port);
  await plain.send("GET / HTTP/1.0\r\n\r\n");
  assert.equal((await plain.answer())?.fields.get("connection"), "close");
  assert.ok(await plain.isClosed());
  using kept = await RawClient.connect(server.port);
  await kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.equal((await kept.answer())?.fields.get("connection"), "keep-alive");
  await kept.send("GET / HTTP/1.0\r\n\r\n");
  assert.equal((await kept.answer())?.status, 200);
});

Deno.test("CRLF in the framing of an answer cannot come from its fields", async () => {
  await using server = new TestServer((exchange) => {
    hello(exchange);
    exchange.response.append("content-length", "999");
    exchange.response.append("transfer-encoding", "chunked");
    exchange.response.append("connection", "upgrade");
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await client.answer();
  assert.equal(answer?.fields.get("content-length"), "5");
  assert.equal(answer?.fields.has("transfer-encoding"), false);
  assert.equal(answer?.fields.has("connection"), false);
});
