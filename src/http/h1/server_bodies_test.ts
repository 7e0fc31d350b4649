import assert from "node:assert/strict";
import { connect } from "node:net";
import fc from "fast-check";
import { BodyError } from "../body.ts";
import { Inbox } from "../../net/inbox.ts";
import { RawClient } from "./testing/raw_client.ts";
import { until } from "../../net/testing/until.ts";
import { ChunkedBody, CLIENT_CHUNKS } from "./chunked.ts";
import { LengthBody } from "./length_body.ts";
import { echo, hello, streamed, TestServer } from "./testing/connection.ts";

Deno.test("chunked bodies arrive whole however they are cut", async () => {
  await using server = new TestServer(echo);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[ -~]{1,40}$/), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
      async (chunks, cuts) => {
        using client = await RawClient.connect(server.port);
        let text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (const chunk of chunks) {
          text += `${chunk.length.toString(16)};a=b;c="d\\"e"\r\n${chunk}\r\n`;
        }
        text += "0\r\n\r\n";
        for (let at = 0, i = 0; at < text.length; i++) {
          const cut = cuts[i % cuts.length];
          await client.send(text.slice(at, at + cut));
          at += cut;
        }
        assert.equal((await client.answer())?.body, `POST / ${chunks.join("")}`);
      },
    ),
    { numRuns: 40 },
  );
});

const BAD_CHUNKS: readonly (readonly [string, string])[] = [
  ["a size beyond 64 bits", "ffffffffffffffff\r\n"],
  ["a size beyond 1 MiB", "100001\r\n"],
  ["a size with a sign", "+1\r\na\r\n0\r\n\r\n"],
  ["a size with a prefix", "0x1\r\na\r\n0\r\n\r\n"],
  ["a size with a space before it", " 1\r\na\r\n0\r\n\r\n"],
  ["a size with a space behind it", "1 \r\na\r\n0\r\n\r\n"],
  ["no size", "\r\na\r\n0\r\n\r\n"],
  ["a size that ends with a bare LF", "1\na\r\n0\r\n\r\n"],
  ["data that is longer than its size", "1\r\nab\r\n0\r\n\r\n"],
  ["data that ends with a bare LF", "1\r\na\n0\r\n\r\n"],
  ["an extension without a name", "1;\r\na\r\n0\r\n\r\n"],
  ["an extension with an empty value", "1;a=\r\na\r\n0\r\n\r\n"],
  ["an extension with an open quote", '1;a="b\r\na\r\n0\r\n\r\n'],
  ["a size line beyond 8 KiB", `1;a=${"b".repeat(9000)}\r\na\r\n0\r\n\r\n`],
  ["trailer fields", "1\r\na\r\n0\r\nX: y\r\n\r\n"],
];

for (const [what, chunks] of BAD_CHUNKS) {
  Deno.test(`a chunked body with ${what} is refused with 400 and ends the connection`, async () => {
    await using server = new TestServer(echo);
    using client = await RawClient.connect(server.port);
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
    const answer = await client.answer();
    assert.equal(answer?.status, 400);
    assert.equal(answer?.fields.get("connection"), "close");
    assert.ok(await client.isClosed());
  });
}

Deno.test("100 Continue is sent when the body is read, and not when it is not", async () => {
  await using server = new TestServer((exchange) => {
    if (exchange.path === "/read") return echo(exchange);
    exchange.status = 417;
  });
  using reader = await RawClient.connect(server.port);
  const fields = "Host: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  await reader.send(`POST /read HTTP/1.1\r\n${fields}`);
  assert.equal((await reader.answer())?.status, 100);
  await reader.send("ok");
  assert.equal((await reader.answer())?.body, "POST /read ok");
  using other = await RawClient.connect(server.port);
  await other.send(`POST /skip HTTP/1.1\r\n${fields}`);
  const answer = await other.answer();
  assert.equal(answer?.status, 417);
  assert.equal(answer?.fields.get("connection"), "close");
});

Deno.test("a short unread body is skipped and the connection goes on", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 200);
  assert.equal((await client.answer())?.status, 200);
});

Deno.test("a long unread body ends the connection after the answer", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nabc");
  const answer = await client.answer();
  assert.equal(answer?.body, "hello");
  assert.equal(answer?.fields.get("connection"), "close");
});

Deno.test("a body beyond the exchange's limit is refused with 413", async () => {
  await using server = new TestServer((exchange) => {
    exchange.bodyLimit = 4;
    return echo(exchange);
  });
  using client = await RawClient.connect(server.port);
  await client.send(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 413);
});

Deno.test("a streamed body of unknown length leaves in chunks", async () => {
  const pieces = ["one", "x".repeat(70_000), "three"];
  for (const late of [false, true]) {
    await using server = new TestServer((exchange) => {
      exchange.status = 200;
      exchange.responseBody = streamed(pieces, { late });
    });
    using client = await RawClient.connect(server.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.answer();
    assert.equal(answer?.fields.get("transfer-encoding"), "chunked");
    assert.equal(answer?.body, pieces.join(""));
  }
});

Deno.test("a streamed body of unknown length ends an HTTP/1.0 connection", async () => {
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.responseBody = streamed(["one", "two"]);
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const all = await client.rest();
  assert.ok(all.endsWith("\r\n\r\nonetwo"));
  assert.match(all, /connection: close/);
});

Deno.test("a streamed body that fails cuts the connection instead of ending the answer", async () => {
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.responseBody = {
      length: undefined,
      trailers: undefined,
      read: () => Promise.reject(new BodyError(502, "upstream went away")),
      cancel() {},
    };
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.doesNotMatch(await client.rest(), /\r\n0\r\n/);
  await until("the exchange is over", () => server.finished.length === 1);
  assert.equal(server.finished[0].failed, true);
  assert.equal(server.finished[0].failure, "upstream went away");
});

Deno.test("a streamed body that is broken before anything of it was sent is refused", async () => {
  await using server = new TestServer((exchange) => {
    const body = streamed(["one"]);
    exchange.status = 200;
    exchange.responseBody = {
      length: undefined,
      trailers: undefined,
      read(into) {
        const count = body.read(into);
        if (count === null) throw new BodyError(502, "a chunk is broken");
        return count;
      },
      cancel() {},
    };
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await client.answer();
  assert.equal(answer?.status, 502);
  assert.equal(answer.body, "");
  assert.equal(answer.fields.get("connection"), "close");
  assert.equal(await client.rest(), "");
  const [exchange] = server.finished;
  assert.equal(exchange.failure, "a chunk is broken");
  assert.equal(exchange.responseBodyBytes, 0);
});

Deno.test("a body that is given up with its client has not failed", async () => {
  await using server = new TestServer((exchange) => {
    let giveUp: (reason: BodyError) => void = () => {};
    exchange.status = 200;
    exchange.responseBody = {
      length: undefined,
      trailers: undefined,
      read: () => new Promise((_, reject) => giveUp = reject),
      cancel: () => giveUp(new BodyError(502, "the body was given up")),
    };
  });
  const client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.answer(false);
  client[Symbol.dispose]();
  await until("the exchange is over", () => {
    server.clock.tick(server.clock.now + 250);
    return server.finished.length === 1;
  });
  assert.equal(server.finished[0].failed, true);
  assert.equal(server.finished[0].failure, "");
});

Deno.test("a client that goes away while its answer is made is noticed", async () => {
  let aborted = false;
  await using server = new TestServer((exchange) =>
    new Promise<void>((resolve) => {
      exchange.onAbort = () => {
        aborted = true;
        resolve();
      };
    })
  );
  const client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("the request is there", () => server.open.size === 1);
  client[Symbol.dispose]();
  await until("the server noticed", () => {
    server.clock.tick(server.clock.now + 250);
    return aborted;
  });
  await until("the exchange is over", () => server.finished.length === 1);
  assert.equal(server.finished[0].failed, true);
});

for (
  const [framing, begun] of [
    ["Content-Length: 9", "abc"],
    ["Transfer-Encoding: chunked", "3\r\nabc\r\n"],
  ]
) {
  Deno.test(`a client that resets its connection breaks its body off, with ${framing}`, async () => {
    let fault: unknown;
    let pieces = 0;
    await using server = new TestServer(async ({ requestBody }) => {
      const scratch = new Uint8Array(64);
      try {
        while (await requestBody?.read(scratch) !== null) pieces++;
      } catch (error) {
        fault = error;
      }
    });
    const client = connect(server.port, "127.0.0.1");
    client.write(`PUT / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${begun}`);
    await until("the body is read", () => pieces === 1);
    client.resetAndDestroy();
    await until("the exchange is over", () => server.finished.length === 1);
    assert.ok(fault instanceof BodyError);
    assert.equal(fault.status, 400);
    assert.match(fault.message, /reset/);
  });
}

Deno.test("a body whose reader has stopped after the answer holds its connection no longer than allowed", async () => {
  await using server = new TestServer(async (exchange) => {
    await exchange.requestBody?.read(new Uint8Array(10));
    exchange.status = 200;
  });
  {
    using client = await RawClient.connect(server.port);
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n0123456789");
    assert.equal((await client.answer())?.status, 200);
  }
  await until("it is over", () => {
    server.clock.tick(server.clock.now + 1_000);
    return server.open.size === 0;
  });
  assert.equal(server.finished.length, 1);
});

Deno.test("a body that was given up stays so, whatever comes afterwards", async () => {
  for (const chunked of [false, true]) {
    const arrived = Promise.withResolvers<number>();
    const ends: boolean[] = [];
    const host = {
      onBodyWait() {},
      onBodyBytes() {},
      onBodyEnd: (complete: boolean) => void ends.push(complete),
      reasonOf: String,
    };
    const inbox = new Inbox({
      read: () => arrived.promise,
      write: () => Promise.resolve(0),
      closeWrite: () => Promise.resolve(),
      close() {},
    });
    const body = chunked
      ? new ChunkedBody(inbox, CLIENT_CHUNKS, host)
      : new LengthBody(inbox, 5, 400, host);
    const reading = Promise.resolve(body.read(new Uint8Array(10)));
    body.cancel();
    arrived.resolve(5);
    await assert.rejects(reading, /given up/);
    assert.deepEqual(ends, [false]);
  }
});
