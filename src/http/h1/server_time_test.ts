import assert from "node:assert/strict";
import { RawClient } from "./testing/raw_client.ts";
import { until } from "../../net/testing/until.ts";
import { type Body, BodyError } from "../body.ts";
import { echo, hello, streamed, TestServer } from "./testing/connection.ts";

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

/** A body of one byte at each call of `give`, until it is called with `null`. */
function given(): { body: Body; give: (count: number | null) => Promise<void> } {
  let next: ((count: number | null) => void) | undefined;
  let cancel: ((reason: BodyError) => void) | undefined;
  return {
    body: {
      length: undefined,
      trailers: undefined,
      read: (into) => {
        into[0] = 120;
        return new Promise((resolve, reject) => {
          next = resolve;
          cancel = reject;
        });
      },
      cancel: () => cancel?.(new BodyError(502, "the body was given up")),
    },
    give: async (count) => {
      await until("the answer waits for its source", () => next !== undefined);
      const give = next;
      next = undefined;
      give?.(count);
    },
  };
}

Deno.test("an answer may last as long as its client takes what there is", async () => {
  const { body, give } = given();
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.responseBody = body;
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (let i = 0; i < 20; i++) {
    await give(1);
    server.clock.tick(server.clock.now + 25_000);
  }
  await give(null);
  assert.equal((await client.answer())?.body, "x".repeat(20));
  assert.equal(server.finished[0].failure, "");
});

Deno.test("a limit on the whole answer cuts it while its source is silent, too", async () => {
  const { body, give } = given();
  await using server = new TestServer((exchange) => {
    exchange.status = 200;
    exchange.responseTimeoutMs = 5_000;
    exchange.responseBody = body;
  });
  using client = await RawClient.connect(server.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (let i = 0; i < 4; i++) {
    await give(1);
    server.clock.tick(server.clock.now + 1_000);
  }
  assert.equal(server.finished.length, 0);
  server.clock.tick(server.clock.now + 1_500);
  await until("the exchange is over", () => {
    server.clock.tick(server.clock.now + 300);
    return server.finished.length === 1;
  });
  assert.match(server.finished[0].failure, /after 5 s .*downstream_total_response_timeout_secs/);
});

Deno.test("an answer that its client does not take is cut with the limit in its reason", async () => {
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
  assert.match(
    server.finished[0].failure,
    /nothing of it for 30 s .*downstream_write_timeout_secs/,
  );
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
