/** Time limits, sizes of pools and what is said when an upstream cannot be asked (spec 02 section 9). */
import assert from "node:assert/strict";
import { profile as reverseProxy } from "../../src/profiles/reverse-proxy.ts";
import { entryPath } from "../../src/cli/tasks/entry_files.ts";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream, type RawUpstreamConnection } from "../peers/raw_upstream.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { moment, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function config(port: number, proxy = "", server = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[proxy]
upstream = "127.0.0.1:${port}"
${proxy}
`;
}

/** Status and body of a GET. */
async function get(url: string): Promise<[status: number, body: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

/** Answers every request on a connection, until the gateway ends it. */
async function answerAll(connection: RawUpstreamConnection): Promise<void> {
  while (await connection.head() !== undefined) await connection.send(OK);
}

/** A listener that accepts no connection, with as many connections in its queue as there is room for. */
async function deaf(): Promise<Disposable & { port: number }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const filler = new AbortController();
  const queued: Promise<Deno.TcpConn>[] = [];
  for (let i = 0; i < 8; i++) {
    queued.push(Deno.connect({ hostname: "127.0.0.1", port, signal: filler.signal }));
  }
  await queued[0];
  const settled = Promise.allSettled(queued);
  return {
    port,
    [Symbol.dispose]() {
      filler.abort();
      listener.close();
      void settled.then((results) => {
        for (const result of results) if (result.status === "fulfilled") result.value.close();
      });
    },
  };
}

Deno.test("an upstream that does not accept is given up after connect_timeout_secs", async () => {
  using deafListener = await deaf();
  await using gateway = await TestGateway.start(
    config(deafListener.port, "connect_timeout_secs = 1"),
    {},
    PACED,
  );
  assert.deepEqual(await get(gateway.url("/")), [502, ""]);
  await until("the reason is logged", () => gateway.process.output.includes("no connect in time"));
});

Deno.test("a client that leaves while its upstream is connected to is let go at once", async () => {
  using deafListener = await deaf();
  await using gateway = await TestGateway.start(config(deafListener.port));
  const client = await RawClient.connect(gateway.port);
  await client.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n");
  client[Symbol.dispose]();
  const record = await accessRecord(gateway, "/left");
  assert.equal(record.status, null);
  assert.equal(record.error, true);
});

Deno.test("read_timeout_secs is the time between two reads, within a body too", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    await connection.head();
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    const start = performance.now();
    while (performance.now() - start < 1_500) {
      await connection.send("x");
      sent++;
      await moment();
    }
    await connection.end();
  });
  let sent = 0;
  await using gateway = await TestGateway.start(config(upstream.port, "read_timeout_secs = 1"));
  using client = await RawClient.connect(gateway.port);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  // It went on for as long as something came, and no longer.
  assert.match(await client.rest(), new RegExp(`\r\n\r\nx{${sent}}$`));
  await until("the limit is named", () => gateway.process.output.includes("(read_timeout_secs)"));
});

Deno.test("send_timeout_secs ends an upload that the upstream does not take", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    await connection.head();
    await new Promise<void>((resolve) => stop = resolve);
  });
  let stop = () => {};
  await using gateway = await TestGateway.start(
    config(upstream.port, "send_timeout_secs = 1"),
    {},
    PACED,
  );
  const response = await fetch(gateway.url("/"), {
    method: "POST",
    body: new Uint8Array(12_000_000),
  });
  assert.equal(response.status, 502);
  await response.body?.cancel();
  await until("the limit is named", () => gateway.process.output.includes("(send_timeout_secs)"));
  stop();
});

Deno.test("upstream_idle_timeout_secs closes a connection that is not used", async () => {
  await using upstream = new RawUpstream(answerAll);
  await using gateway = await TestGateway.start(
    config(upstream.port, "upstream_idle_timeout_secs = 10"),
    {},
    PACED,
  );
  await get(gateway.url("/"));
  assert.equal(upstream.open, 1);
  await until("the connection is closed", () => upstream.open === 0);
});

Deno.test("as many idle connections are kept as upstream_keepalive_pool_size says", async () => {
  let waiting: (() => void)[] = [];
  await using upstream = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      await connection.send(OK);
    }
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, "", "[server.process]\nupstream_keepalive_pool_size = 2"),
  );
  const answers = Array.from({ length: 5 }, () => get(gateway.url("/")));
  await until("five connections are open", () => waiting.length === 5);
  for (const release of waiting) release();
  waiting = [];
  await Promise.all(answers);
  await until("two are left", () => upstream.open === 2);
});

Deno.test("a client that sends no more of a body is a 408", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    await connection.head();
    await connection.end();
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, "downstream_read_timeout_secs = 1"),
    {},
    PACED,
  );
  using client = await RawClient.connect(gateway.port);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  const answer = await client.answer();
  assert.equal(answer?.status, 408);
  await until(
    "the log names the side and the limit",
    () =>
      /the client sent nothing more .*downstream_read_timeout_secs/.test(gateway.process.output),
  );
  assert.equal(answer.fields.get("connection"), "close");
});

for (
  const [name, proxy] of [
    ["that does not read is cut off after downstream_write_timeout_secs", "write_timeout_secs = 1"],
    [
      "is cut off after downstream_total_response_timeout_secs",
      "total_response_timeout_secs = 2",
    ],
    [
      "slower than downstream_min_send_rate_bytes_per_sec is cut off",
      "min_send_rate_bytes_per_sec = 100000000",
    ],
  ]
) {
  Deno.test(`a client ${name}`, async () => {
    const large = new Uint8Array(60_000_000);
    await using upstream = await Upstream.start((_request, response) => response.end(large));
    await using gateway = await TestGateway.start(
      config(upstream.port, `downstream_${proxy}`),
      {},
      PACED,
    );
    using client = await RawClient.connect(gateway.port);
    await client.send("GET /slowly HTTP/1.1\r\nHost: a\r\n\r\n");
    const record = await accessRecord(gateway, "/slowly");
    assert.equal(record.error, true);
    assert.ok(record.response_body_bytes < large.length);
    const [key] = `downstream_${proxy}`.split(" ");
    await until(
      "the log names the side and the limit",
      () =>
        gateway.process.output.split("\n").some((line) =>
          line.includes("broke off: the client") && line.includes(`limit: ${key}`)
        ),
    );
  });
}

Deno.test("http1-and-http2 without TLS is HTTP/1.1", async () => {
  await using upstream = await Upstream.start((request, response) => {
    response.end(request.httpVersion);
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, 'upstream_http_version = "http1-and-http2"'),
  );
  assert.deepEqual(await get(gateway.url("/")), [200, "1.1"]);
});

Deno.test("a build without the load balancer uses the first of several upstreams, and a warning says so", async () => {
  await using first = await Upstream.start((_request, response) => response.end("first"));
  await using second = await Upstream.start((_request, response) => response.end("second"));
  const text = `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstreams = ["127.0.0.1:${first.port}", "127.0.0.1:${second.port}"]
`;
  const build = { profile: reverseProxy, entry: entryPath("reverse-proxy") };
  await using gateway = await TestGateway.start(text, {}, build);
  for (let i = 0; i < 4; i++) assert.deepEqual(await get(gateway.url("/")), [200, "first"]);
  assert.equal(second.connections, 0);
  await until(
    "the warning is logged",
    () => gateway.process.output.includes("proxy.upstreams: only the first is used"),
  );
});

Deno.test("socket options that have no effect are one warning", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("ok"));
  await using gateway = await TestGateway.start(config(
    upstream.port,
    `upstream_tcp_keepalive_idle_secs = 60
upstream_tcp_keepalive_interval_secs = 10
upstream_tcp_keepalive_count = 3
upstream_tcp_user_timeout_ms = 1000
upstream_tcp_recv_buffer_bytes = "64k"
upstream_dscp = 46
upstream_tcp_fast_open = true`,
  ));
  assert.deepEqual(await get(gateway.url("/")), [200, "ok"]);
  // Workers and keeper log side by side.
  await until("the request is logged", () => gateway.process.output.includes('"event":"access"'));
  await until("the warning is logged", () => gateway.process.output.includes('"WARN"'));
  const warnings = gateway.process.output.split("\n").filter((line) => line.includes('"WARN"'));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /upstream_dscp/);
});

Deno.test("a vhost's proxy block without an upstream is a 502 that says so", async () => {
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "a"
hosts = ["127.0.0.1"]
[vhosts.proxy]
read_timeout_secs = 5
`);
  assert.deepEqual(await get(gateway.url("/")), [502, "proxy upstream not configured"]);
});

Deno.test("[proxy] without an upstream switches the implicit vhost's proxy off", async () => {
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[proxy]
read_timeout_secs = 5
`);
  assert.deepEqual(await get(gateway.url("/")), [404, ""]);
});
