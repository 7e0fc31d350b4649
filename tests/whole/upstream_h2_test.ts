/** Upstreams that speak HTTP/2 in cleartext: sharing of connections, bounds, and connections that end. */
import assert from "node:assert/strict";
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { accessRecord } from "../peers/gateway_log.ts";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, nginx, testWith, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

function config(port: number, proxy = "", server = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[proxy]
upstream = "127.0.0.1:${port}"
upstream_http_version = "http2"
${proxy}
`;
}

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, nth: number) => void;

/** node's HTTP/2 server, with its sessions in hand. */
class Http2Upstream implements AsyncDisposable {
  readonly sessions: ServerHttp2Session[] = [];
  /** Of the latest connection: to end it without a frame. */
  lastSocket: Socket | undefined;
  pings = 0;
  requests = 0;
  readonly #open = new Set<ServerHttp2Session>();

  private constructor(readonly server: Http2Server) {}

  static async start(
    answer: Answer,
    settings: { maxConcurrentStreams?: number } = {},
  ): Promise<Http2Upstream> {
    const server = createServer({ settings });
    const upstream = new Http2Upstream(server);
    server.on("connection", (socket: Socket) => upstream.lastSocket = socket);
    server.on("session", (session) => {
      upstream.sessions.push(session);
      upstream.#open.add(session);
      session.on("close", () => upstream.#open.delete(session));
      session.on("ping", () => upstream.pings++);
      session.on("error", () => {});
    });
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      answer(stream, headers, ++upstream.requests);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#open) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function ok(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200 });
  stream.end("ok");
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

testWith(["nginx"], "an upstream is spoken to over HTTP/2 by prior knowledge", async () => {
  await using peer = await nginx(
    `client_max_body_size 4m;
     server { listen 127.0.0.1:{port} http2; root {dir}/www;
       location /echo { add_header x-protocol $server_protocol; return 200 "$request_method $http_host"; } }`,
  );
  peer.dir.write("www/large.bin", new Uint8Array(2_000_000).fill(65));
  await using gateway = await TestGateway.start(
    config(peer.port, "upstream_h2_max_streams = 64"),
  );
  const echo = await fetch(gateway.url("/echo"));
  assert.equal(await echo.text(), `GET 127.0.0.1:${gateway.port}`);
  assert.equal(echo.headers.get("x-protocol"), "HTTP/2.0");
  const large = await (await fetch(gateway.url("/large.bin"))).arrayBuffer();
  assert.equal(large.byteLength, 2_000_000);
  const many = await Promise.all(
    Array.from({ length: 100 }, async () => (await fetch(gateway.url("/echo"))).text()),
  );
  assert.ok(many.every((text) => text === `GET 127.0.0.1:${gateway.port}`));
  const posted = await fetch(gateway.url("/echo"), { method: "POST", body: "x".repeat(100_000) });
  assert.equal(await posted.text(), `POST 127.0.0.1:${gateway.port}`);
});

Deno.test("requests at the same time share connections, each up to upstream_h2_max_streams", async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using upstream = await Http2Upstream.start((stream) => void waiting.push(stream));
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_h2_max_streams = 10"),
  );
  const answers = Array.from({ length: 30 }, () => get(gateway.url("/")));
  await until("all are asked", () => waiting.length === 30);
  assert.equal(upstream.open, 3);
  waiting.forEach(ok);
  assert.ok((await Promise.all(answers)).every((answer) => answer === "200 ok"));
});

Deno.test("without upstream_h2_max_streams a connection has one stream, and is used again", async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using upstream = await Http2Upstream.start((stream) => void waiting.push(stream));
  await using gateway = await TestGateway.start(config(upstream.port));
  for (let round = 0; round < 3; round++) {
    const answers = Array.from({ length: 4 }, () => get(gateway.url("/")));
    await until("all are asked", () => waiting.length === 4);
    waiting.splice(0).forEach(ok);
    await Promise.all(answers);
  }
  assert.equal(upstream.sessions.length, 4);
});

Deno.test("as many connections without a stream are kept as upstream_keepalive_pool_size says", async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using upstream = await Http2Upstream.start((stream) => void waiting.push(stream));
  await using gateway = await TestGateway.start(
    config(upstream.port, "", "[server.process]\nupstream_keepalive_pool_size = 2"),
  );
  const answers = Array.from({ length: 6 }, () => get(gateway.url("/")));
  await until("all are asked", () => waiting.length === 6);
  waiting.forEach(ok);
  await Promise.all(answers);
  await until("two are left", () => upstream.open === 2);
});

Deno.test("the upstream's own limit of streams is kept, and remembered", async () => {
  const waiting: ServerHttp2Stream[] = [];
  await using upstream = await Http2Upstream.start(
    (stream) => void waiting.push(stream),
    { maxConcurrentStreams: 2 },
  );
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_h2_max_streams = 100"),
  );
  const first = get(gateway.url("/"));
  await until("it is asked", () => waiting.length === 1);
  waiting.splice(0).forEach(ok);
  await first;
  const answers = Array.from({ length: 8 }, (_, i) => get(gateway.url(`/${i}`)));
  await until("all are asked", () => waiting.length === 8);
  assert.equal(upstream.open, 4);
  waiting.forEach(ok);
  assert.ok((await Promise.all(answers)).every((answer) => answer === "200 ok"));
  // None was sent in vain.
  for (let i = 0; i < 8; i++) {
    assert.equal((await accessRecord(gateway, `/${i}`)).upstream_retries, 0);
  }
});

Deno.test("a request that the upstream refused goes to another connection, with its body", async () => {
  const bodies: string[] = [];
  await using upstream = await Http2Upstream.start((stream, _headers, nth) => {
    if (nth === 2) {
      stream.close(7); // REFUSED_STREAM
      return;
    }
    stream.setEncoding("latin1");
    let body = "";
    stream.on("data", (part: string) => body += part);
    stream.on("end", () => {
      bodies.push(body);
      ok(stream);
    });
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  await get(gateway.url("/first"));
  const response = await fetch(gateway.url("/refused"), { method: "POST", body: "again" });
  assert.equal(await response.text(), "ok");
  assert.deepEqual(bodies, ["", "again"]);
  assert.equal((await accessRecord(gateway, "/refused")).upstream_retries, 1);
});

for (const [method, times] of [["POST", 1], ["PUT", 2]] as const) {
  Deno.test(`a ${method} on a kept connection that ends without an answer arrives ${times} times`, async () => {
    let executed = 0;
    await using upstream = await Http2Upstream.start((stream, headers) => {
      if (headers[":path"] !== "/unanswered") return ok(stream);
      executed++;
      upstream.lastSocket?.destroy();
    });
    await using gateway = await TestGateway.start(config(upstream.port));
    await get(gateway.url("/first"));
    const response = await fetch(gateway.url("/unanswered"), { method, body: "data" });
    await response.body?.cancel();
    assert.equal(response.status, 502);
    assert.equal(executed, times);
  });
}

Deno.test("an upstream that says GOAWAY gets no more requests on that connection, and none is lost", async () => {
  await using upstream = await Http2Upstream.start(ok);
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_h2_max_streams = 10"),
  );
  for (let round = 1; round <= 10; round++) {
    assert.equal(await get(gateway.url("/")), "200 ok");
    upstream.sessions[upstream.sessions.length - 1].close();
    await until("the connection has ended", () => upstream.open === 0);
    assert.equal(upstream.sessions.length, round);
  }
});

Deno.test("a connection that is lost inside an answer cuts the client's short", async () => {
  await using upstream = await Http2Upstream.start((stream, headers) => {
    if (headers[":path"] === "/") return ok(stream);
    stream.respond({ ":status": 200 });
    stream.write("some");
    lose = () => stream.session?.destroy();
  });
  let lose = () => {};
  await using gateway = await TestGateway.start(config(upstream.port));
  const response = await fetch(gateway.url("/cut"));
  const body = response.body!.getReader();
  assert.equal(new TextDecoder().decode((await body.read()).value), "some");
  lose();
  await assert.rejects(body.read());
  assert.equal(await get(gateway.url("/")), "200 ok");
});

Deno.test("a body that the upstream gave up in the middle ends its connection after the answer", async () => {
  await using upstream = await Http2Upstream.start((stream) => {
    stream.once("data", () => stream.close(8));
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nfirst");
  const answer = await client.answer();
  assert.equal(answer?.status, 502);
  assert.equal(answer.fields.get("connection"), "close");
});

Deno.test("a client that leaves has its stream reset, and no other's", async () => {
  let resets = 0;
  const waiting = new Map<string, ServerHttp2Stream>();
  await using upstream = await Http2Upstream.start((stream, headers) => {
    waiting.set(`${headers[":path"]}`, stream);
    stream.on("close", () => {
      if (stream.rstCode === 8) resets++;
    });
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_h2_max_streams = 10"),
  );
  const staying = get(gateway.url("/stays"));
  const client = await RawClient.connect(gateway.port);
  await client.send("GET /leaves HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("both are asked", () => waiting.size === 2);
  client[Symbol.dispose]();
  await until("one is reset", () => resets === 1);
  ok(waiting.get("/stays")!);
  assert.equal(await staying, "200 ok");
});

Deno.test("upstream_h2_ping_interval_secs asks a silent upstream for a sign of life", async () => {
  await using upstream = await Http2Upstream.start(ok);
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_h2_ping_interval_secs = 1"),
  );
  await get(gateway.url("/"));
  await until("it was asked twice", () => upstream.pings >= 2);
  assert.equal(upstream.open, 1);
});

Deno.test("upstream_idle_timeout_secs ends a connection without streams", async () => {
  await using upstream = await Http2Upstream.start(ok);
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_idle_timeout_secs = 1"),
  );
  await get(gateway.url("/"));
  assert.equal(upstream.open, 1);
  await until("it has ended", () => upstream.open === 0);
});

Deno.test("an upstream that takes too long is a 502, and its connection goes on", async () => {
  await using upstream = await Http2Upstream.start((stream, headers) => {
    if (headers[":path"] === "/") ok(stream);
  });
  await using gateway = await TestGateway.start(config(upstream.port, "read_timeout_secs = 1"));
  assert.equal(await get(gateway.url("/slow")), "502 ");
  assert.equal(await get(gateway.url("/")), "200 ok");
  assert.equal(upstream.sessions.length, 1);
});

Deno.test("callers that wait for one connection fail with it, at the same time", async () => {
  await using gateway = await TestGateway.start(config(DEAD_PORT, "upstream_h2_max_streams = 4"));
  const answers = await Promise.all(Array.from({ length: 12 }, () => get(gateway.url("/"))));
  assert.ok(answers.every((answer) => answer === "502 "));
});

for (const method of ["GET", "POST"]) {
  Deno.test(`${method}: what a new connection refuses is sent once more`, async () => {
    const { NGHTTP2_REFUSED_STREAM } = constants;
    await using upstream = await Http2Upstream.start((stream, _headers, nth) => {
      if (nth === 1) stream.close(NGHTTP2_REFUSED_STREAM);
      else stream.pipe(answered(stream));
    });
    await using gateway = await TestGateway.start(config(upstream.port));
    const body = method === "POST" ? "data" : undefined;
    const response = await fetch(gateway.url("/refused"), { method, body });
    assert.equal(await response.text(), body ?? "");
    assert.equal(response.status, 200);
    assert.equal((await accessRecord(gateway, "/refused")).upstream_retries, 1);
  });
}

Deno.test("an upstream that refuses everything is not asked for ever", async () => {
  await using upstream = await Http2Upstream.start((stream) => {
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  const response = await fetch(gateway.url("/refused"));
  assert.equal(await response.text(), "");
  assert.equal(response.status, 502);
  // On a new connection, on that again, and on another new one.
  assert.equal(upstream.requests, 3);
});

/** Answers with what follows. */
function answered(stream: ServerHttp2Stream): ServerHttp2Stream {
  stream.respond({ ":status": 200 });
  return stream;
}
