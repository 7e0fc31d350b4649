import assert from "node:assert/strict";
import { connect } from "node:net";
import fc from "fast-check";
import { type Body, BodyError, readAll } from "../body.ts";
import type { HttpExchange } from "../exchange.ts";
import { RawClient } from "../../../tests/support/raw.ts";
import { until } from "../../../tests/support/peer.ts";
import { TestServer } from "./testing.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Answers with method and target, and the body if there is one. */
async function echo(exchange: HttpExchange): Promise<void> {
  let body = "";
  if (exchange.requestBody !== undefined) {
    try {
      body = decoder.decode(await readAll(exchange.requestBody, 1 << 20));
    } catch (error) {
      assert.ok(error instanceof BodyError);
      exchange.status = error.status;
      exchange.closeAfter = true;
      return;
    }
  }
  exchange.status = 200;
  exchange.responseBody = encoder.encode(`${exchange.method} ${exchange.target} ${body}`);
}

function hello(exchange: HttpExchange): void {
  exchange.status = 200;
  exchange.responseBody = encoder.encode("hello");
}

/** A body that hands out `pieces`, each when it is asked for. */
function streamed(
  pieces: readonly string[],
  options: { late?: boolean; length?: number } = {},
): Body {
  let at = 0;
  return {
    length: options.length,
    trailers: undefined,
    read(into) {
      if (at === pieces.length) return null;
      const { written } = encoder.encodeInto(pieces[at++], into);
      return options.late ? Promise.resolve(written) : written;
    },
    cancel() {
      at = pieces.length;
    },
  };
}

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

Deno.test("a short body nobody read is skipped and the connection goes on", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.equal((await client.answer())?.status, 200);
  assert.equal((await client.answer())?.status, 200);
});

Deno.test("a long body nobody read ends the connection behind the answer", async () => {
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
  for (const late of [false, true]) {
    await using server = new TestServer((exchange) => {
      exchange.status = 200;
      exchange.responseBody = streamed(["one", "", "x".repeat(70_000), "three"].filter(Boolean), {
        late,
      });
    });
    using client = await RawClient.connect(server.port);
    await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.answer();
    assert.equal(answer?.fields.get("transfer-encoding"), "chunked");
    assert.equal(answer?.body.length, 3 + Math.min(70_000, 65_536) + 5 - shortfall(answer?.body));
  }
});

/** `encodeInto` fills what room there is: the long piece may come out shorter, never wrong. */
function shortfall(body: string | undefined): number {
  const middle = body?.slice(3, -5) ?? "";
  assert.match(middle, /^x+$/);
  return 65_536 - middle.length;
}

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

Deno.test("a head that does not come in time ends the connection without an answer", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTT");
  await until("the connection is open", () => server.open.size === 1);
  server.clock.tick(server.clock.now + 9_000);
  assert.equal(server.open.size, 1);
  server.clock.tick(server.clock.now + 2_000);
  assert.equal(await client.rest(), "");
});

Deno.test("a body that does not come in time is answered with 408", async () => {
  await using server = new TestServer(echo);
  using client = await RawClient.connect(server.port);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  await until("the server waits for the body", () => {
    server.clock.tick(server.clock.now + 5_000);
    return server.finished.length === 1;
  });
  const answer = await client.answer();
  assert.equal(answer?.status, 408);
  assert.equal(answer?.fields.get("connection"), "close");
});

Deno.test("a client that does not read its answer is given up", async () => {
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.responseBody = streamed(Array(2000).fill("x".repeat(50_000)), { late: true });
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("the exchange is over", () => {
    server.clock.tick(server.clock.now + 1_000);
    return server.finished.length === 1;
  });
  assert.equal(server.finished[0].failed, true);
});

Deno.test("a source slower than the slowest reader that is tolerated is no reader's fault", async () => {
  let next: ((count: number | null) => void) | undefined;
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.minSendRate = 1_000_000;
    exchange.responseBody = {
      length: undefined,
      trailers: undefined,
      read: (into) => {
        into[0] = 120;
        return new Promise((resolve) => next = resolve);
      },
      cancel() {},
    };
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const count of [1, 1, 1, null]) {
    await until("the answer waits for its source", () => next !== undefined);
    server.clock.tick(server.clock.now + 20_000);
    const give = next;
    next = undefined;
    give?.(count);
  }
  assert.equal((await client.answer())?.body, "xxx");
});

Deno.test("draining closes idle connections at once and busy ones behind their answer", async () => {
  let release: (() => void) | undefined;
  await using server = new TestServer((exchange) => {
    if (exchange.path !== "/slow") return hello(exchange);
    return new Promise<void>((resolve) => {
      release = () => {
        hello(exchange);
        resolve();
      };
    });
  });
  using idle = await RawClient.connect(server.port);
  await idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.answer();
  using busy = await RawClient.connect(server.port);
  await busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("the slow request is being handled", () => release !== undefined);
  server.open.drain();
  assert.ok(await idle.isClosed());
  release?.();
  const answer = await busy.answer();
  assert.equal(answer?.body, "hello");
  assert.equal(answer?.fields.get("connection"), "close");
});

Deno.test("draining waits a moment for the first request of a connection", async () => {
  await using server = new TestServer(hello);
  using early = await RawClient.connect(server.port);
  using silent = await RawClient.connect(server.port);
  await until("both are connected", () => server.open.size === 2);
  server.open.drain();
  await early.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await early.answer())?.fields.get("connection"), "close");
  server.clock.tick(server.clock.now + 2_000);
  assert.ok(await silent.isClosed());
});

Deno.test("a connection that retires answers one more request, however long it was idle", async () => {
  await using server = new TestServer(hello);
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.answer())?.fields.has("connection"), false);
  server.open.retire();
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.answer())?.fields.get("connection"), "close");
  assert.ok(await client.isClosed());
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
