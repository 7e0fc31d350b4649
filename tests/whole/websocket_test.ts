/** WebSocket and other upgrades of HTTP/1.1 (spec 02 section 9.6). */
import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { accessRecord } from "../peers/gateway_log.ts";
import { RawUpstream, type RawUpstreamConnection } from "../peers/raw_upstream.ts";
import { TestCertificate } from "../peers/tls.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { moment, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";

function config(port: number, proxy = "websocket = true", server = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[proxy]
upstream = "127.0.0.1:${port}"
${proxy}
`;
}

const HANDSHAKE = "GET /chat?room=1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n" +
  "Upgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nOrigin: http://a\r\n\r\n";

const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

/** Switches, and echoes until the client's side ends. */
async function echo(connection: RawUpstreamConnection): Promise<void> {
  if (await connection.head() === undefined) return;
  await connection.send(SWITCHED);
  for (let part = await connection.bytes(1); part !== ""; part = await connection.bytes(1)) {
    await connection.send(part);
  }
}

Deno.test("a WebSocket handshake becomes a tunnel, and its head comes back", async () => {
  let head = "";
  await using upstream = new RawUpstream(async (connection) => {
    head = await connection.head() ?? "";
    // The first frame comes with the head, as a server may send it.
    await connection.send(SWITCHED + "welcome");
    assert.equal(await connection.bytes(10), "early,late");
    await connection.send("bye");
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE + "early,");
  const answer = await client.answer();
  assert.equal(answer?.status, 101);
  assert.equal(answer.fields.get("upgrade"), "websocket");
  assert.equal(answer.fields.get("connection"), "upgrade");
  assert.equal(answer.fields.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert.equal(answer.fields.get("sec-websocket-protocol"), "chat");
  assert.equal(answer.fields.get("via"), "1.1 fluxheim");
  assert.equal(answer.fields.has("content-length"), false);
  assert.equal(answer.fields.has("transfer-encoding"), false);
  await client.send("late");
  assert.equal(await client.rest(), "welcomebye");
  client.conn.close();

  const lines = head.toLowerCase().split("\r\n");
  assert.equal(lines[0], "get /chat?room=1 http/1.1");
  assert.deepEqual(lines.filter((line) => line.startsWith("connection:")), ["connection: upgrade"]);
  assert.deepEqual(lines.filter((line) => line.startsWith("upgrade:")), ["upgrade: websocket"]);
  for (const line of ["sec-websocket-version: 13", "sec-websocket-protocol: chat"]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(lines.includes("x-forwarded-for: 127.0.0.1"));

  const record = await accessRecord(gateway, "/chat");
  assert.equal(record.status, 101);
  assert.equal(record.error, false);
  assert.equal(record.request_body_bytes, 10);
  assert.equal(record.response_body_bytes, 10);
});

Deno.test("a handshake that is not one goes on as an ordinary request", async () => {
  const heads: string[] = [];
  await using upstream = new RawUpstream(async (connection) => {
    for (let head = await connection.head(); head !== undefined; head = await connection.head()) {
      heads.push(head.toLowerCase());
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  const changes: readonly (readonly [was: string, is: string])[] = [
    ["GET", "POST"],
    ["Connection: keep-alive, Upgrade\r\n", ""],
    ["Upgrade: WebSocket", "Upgrade: h2c"],
    ["Upgrade: WebSocket", "Upgrade: websocket, h2c"],
    ["Upgrade: WebSocket", "Upgrade: websocket\r\nUpgrade: h2c"],
    ["Version: 13", "Version: 8"],
    ["Sec-WebSocket-Version: 13\r\n", ""],
    ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""],
    ["Sec-WebSocket-Key: dGhl", "Sec-WebSocket-Key: YQ==\r\nSec-WebSocket-Key: dGhl"],
  ];
  using client = await RawClient.connect(gateway.port);
  for (const [was, is] of changes) {
    await client.send(HANDSHAKE.replace(was, is));
    assert.equal((await client.answer())?.body, "ok", is);
  }
  using old = await RawClient.connect(gateway.port);
  await old.send(HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0"));
  assert.equal((await old.answer())?.body, "ok");
  assert.equal(heads.length, changes.length + 1);
  for (const head of heads) assert.doesNotMatch(head, /\r\n(upgrade|connection):/);
});

Deno.test("a route that has not opted in strips the upgrade", async () => {
  let head = "";
  await using upstream = new RawUpstream(async (connection) => {
    head = await connection.head() ?? "";
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await connection.end();
  });
  await using gateway = await TestGateway.start(config(upstream.port, ""));
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.body, "ok");
  assert.doesNotMatch(head, /\r\n(upgrade|connection):/i);
});

Deno.test("an upstream that switches without being asked is a 502", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    await connection.head();
    await connection.send(SWITCHED + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    await connection.end();
  });
  await using gateway = await TestGateway.start(config(upstream.port, ""));
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  const answer = await client.answer();
  assert.equal(answer?.status, 502);
  assert.equal(answer.body, "");
});

Deno.test("an answer other than 101 passes through, and the connection goes on", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await connection.send(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nContent-Length: 3\r\n\r\nno!",
      );
    }
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  for (let i = 0; i < 3; i++) {
    await client.send(HANDSHAKE);
    const answer = await client.answer();
    assert.equal(answer?.status, 426);
    assert.equal(answer.body, "no!");
    assert.equal(answer.fields.get("sec-websocket-version"), "13");
    // RFC 9110 section 15.5.22: without it a client does not know what it needs.
    assert.equal(answer.fields.get("upgrade"), "websocket");
    assert.equal(answer.fields.get("connection"), "upgrade");
  }
  assert.equal(upstream.connections.length, 1);
});

Deno.test("an upgrade that an upstream offers with another status ends at the gateway", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await connection.send(
        "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
      );
    }
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  const response = await fetch(gateway.url("/"));
  assert.equal(await response.text(), "");
  const { headers } = response;
  assert.deepEqual([headers.get("upgrade"), headers.get("connection")], [null, null]);
});

Deno.test("a 426 on a connection that ends says both, and one of HTTP/1.0 has no upgrade", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    while (await connection.head() !== undefined) {
      await connection.send(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: a, b\r\nContent-Length: 0\r\n\r\n",
      );
    }
  });
  await using gateway = await TestGateway.start(config(upstream.port));
  for (
    const [version, upgrade, connection] of [
      ["1.1", "a, b", "close, upgrade"],
      ["1.0", undefined, "close"],
    ]
  ) {
    using client = await RawClient.connect(gateway.port);
    await client.send(`GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answer = await client.answer();
    assert.equal(answer?.status, 426);
    assert.equal(answer.fields.get("upgrade"), upgrade);
    assert.equal(answer.fields.get("connection"), connection);
  }
});

Deno.test("upgrade_protocols lets other protocols through, whatever the method", async () => {
  let head = "";
  await using upstream = new RawUpstream(async (connection) => {
    head = await connection.head() ?? "";
    await connection.send(
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.raw-stream\r\n" +
        "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    );
    await connection.send((await connection.bytes(4)).toUpperCase());
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, 'upgrade_protocols = ["tcp"]'),
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(
    "POST /attach HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" +
      "Content-Length: 0\r\n\r\nping",
  );
  const answer = await client.answer();
  assert.equal(answer?.status, 101);
  assert.equal(answer.fields.get("upgrade"), "tcp");
  assert.equal(await client.rest(), "PING");
  assert.match(head, /^POST \/attach HTTP\/1\.1\r\n[^]*\r\nupgrade: tcp\r\n/);
});

Deno.test("a tunnel that is silent for read_timeout_secs ends", async () => {
  await using upstream = new RawUpstream(echo);
  await using gateway = await TestGateway.start(
    config(upstream.port, "websocket = true\nread_timeout_secs = 1"),
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  const start = performance.now();
  let sent = 0;
  for (; performance.now() - start < 1_500; sent++) {
    await client.send("x");
    await moment();
  }
  // It went on for as long as something came, and no longer.
  assert.equal(await client.rest(), "x".repeat(sent));
  const record = await accessRecord(gateway, "/chat");
  assert.equal(record.error, false);
  assert.equal(record.request_body_bytes, sent);
});

Deno.test("without read_timeout_secs a tunnel may be silent", async () => {
  await using upstream = new RawUpstream(echo);
  await using gateway = await TestGateway.start(
    config(upstream.port, "websocket = true\ndownstream_total_response_timeout_secs = 1"),
    {},
    PACED,
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  // As long as a client may be idle, which is ten times as long as an answer may take here.
  using idle = await RawClient.connect(gateway.port);
  assert.ok(await idle.isClosed());
  await client.send("x");
  await client.conn.closeWrite();
  assert.equal(await client.rest(), "x");
});

Deno.test("an upstream that is lost takes the client's connection with it, and is logged", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.write(SWITCHED));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using gateway = await TestGateway.start(config(port));
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  sockets[0].resetAndDestroy();
  assert.equal(await client.rest(), "");
  const record = await accessRecord(gateway, "/chat");
  assert.equal(record.status, 101);
  assert.equal(record.error, true);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("a client that leaves takes the upstream's connection with it", async () => {
  await using upstream = new RawUpstream(echo);
  await using gateway = await TestGateway.start(config(upstream.port));
  const client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  client[Symbol.dispose]();
  await until("the upstream's connection ends", () => upstream.open === 0);
  assert.equal((await accessRecord(gateway, "/chat")).status, 101);
});

Deno.test("a tunnel goes on over a reload", async () => {
  await using upstream = new RawUpstream(echo);
  const text = config(upstream.port);
  await using gateway = await TestGateway.start(text);
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  gateway.rewrite("websocket = true", "");
  gateway.process.signal("SIGHUP");
  await until("new requests find the new configuration", async () => {
    using late = await RawClient.connect(gateway.port);
    await late.send(HANDSHAKE);
    await late.send("x");
    await late.conn.closeWrite();
    return upstream.connections.length > 1 && (await late.answer())?.status !== 101;
  });
  await client.send("still here");
  await client.conn.closeWrite();
  assert.equal(await client.rest(), "still here");
});

Deno.test("draining lets a tunnel come to its end", async () => {
  await using upstream = new RawUpstream(echo);
  await using gateway = await TestGateway.start(config(upstream.port));
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  gateway.process.signal("SIGTERM");
  await until("it drains", () => gateway.process.output.includes("draining"));
  await client.send("last words");
  await client.conn.closeWrite();
  assert.equal(await client.rest(), "last words");
  assert.equal((await gateway.process.ended).code, 0);
});

Deno.test("a tunnel that outlives the drain is cut", async () => {
  await using upstream = new RawUpstream(echo);
  await using gateway = await TestGateway.start(
    config(
      upstream.port,
      "websocket = true",
      "[server.process]\ngraceful_shutdown_timeout_seconds = 1",
    ),
    {},
    PACED,
  );
  using client = await RawClient.connect(gateway.port);
  await client.send(HANDSHAKE);
  assert.equal((await client.answer())?.status, 101);
  gateway.process.signal("SIGTERM");
  assert.equal(await client.rest(), "");
  assert.equal((await gateway.process.ended).code, 0);
});

/** Says what it hears, in capitals, until it hears `end`. */
function shout(request: Request): Response {
  if (request.headers.get("upgrade") !== "websocket") return new Response("no upgrade");
  const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "shout" });
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (data === "end") socket.close(4000, "as you wish");
    else socket.send(typeof data === "string" ? data.toUpperCase() : data);
  };
  return response;
}

/** Speaks to the service above through `gateway`, with the runtime's own WebSocket client. */
async function converse(url: string, client?: Deno.HttpClient): Promise<void> {
  const protocols = ["shout", "whisper"];
  const socket = new WebSocket(url, client === undefined ? protocols : { protocols, client });
  socket.binaryType = "arraybuffer";
  const received: (string | Uint8Array)[] = [];
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  assert.equal(socket.protocol, "shout");
  socket.onmessage = ({ data }) => {
    received.push(typeof data === "string" ? data : new Uint8Array(data));
  };
  const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 253);
  socket.send("hello");
  socket.send(large);
  socket.send("x".repeat(200_000));
  await until("all came back", () => received.length === 3);
  assert.equal(received[0], "HELLO");
  assert.deepEqual(received[1], large);
  assert.equal(received[2], "X".repeat(200_000));
  socket.send("end");
  const { code, reason } = await closed;
  assert.equal(code, 4000);
  assert.equal(reason, "as you wish");
}

Deno.test("a WebSocket library on both sides: text, binary, large messages, closing with a code", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, shout);
  await using gateway = await TestGateway.start(config(server.addr.port));
  await converse(gateway.url("/").replace("http", "ws"));
  assert.equal((await accessRecord(gateway, "/")).error, false);
  await server.shutdown();
});

Deno.test("and through TLS", async () => {
  await using certificate = new TestCertificate();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, shout);
  await using gateway = await TestGateway.start(
    config(server.addr.port).replace("listen =", "listen = []\ntls_listen =") + certificate.tables,
  );
  using client = Deno.createHttpClient({ caCerts: [certificate.authority.root], http2: false });
  await converse(`wss://localhost:${gateway.port}/`, client);
  assert.equal((await accessRecord(gateway, "/")).error, false);
  await server.shutdown();
});

Deno.test("an upstream with TLS is tunnelled to as well", async () => {
  await using certificate = new TestCertificate();
  const { cert, key } = certificate.authority.issue({ name: "chat.test" });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    shout,
  );
  await using gateway = await TestGateway.start(config(
    server.addr.port,
    `websocket = true
upstream_tls = true
upstream_sni = "chat.test"
upstream_ca_path = "${certificate.rootPath}"`,
  ));
  await converse(gateway.url("/").replace("http", "ws"));
  assert.equal((await accessRecord(gateway, "/")).error, false);
  await server.shutdown();
});
