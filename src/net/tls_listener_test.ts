import assert from "node:assert/strict";
import type { ConnectionOptions } from "node:tls";
import type { Accepted } from "./listener.ts";
import { writeAll } from "./duplex.ts";
import { IpSet } from "./ip_set.ts";
import { ListenError } from "./listen_error.ts";
import { encodeProxyHeader } from "./proxy_protocol.ts";
import { MAX_HANDSHAKES } from "./reception.ts";
import { type Issued, TestAuthority } from "./testing/certificates.ts";
import { isClosed, ListenerBench, readText } from "./testing/listener_bench.ts";
import { TlsClient } from "./testing/tls_client.ts";
import { MAX_STUCK } from "./static_stream.ts";
import type { TlsListenerSpec, TlsMaterial } from "./tls_spec.ts";

const encoder = new TextEncoder();
const authority = new TestAuthority();
const a = authority.issue({ name: "a.test" });
const b = authority.issue({ name: "b.test" });
const c = authority.issue({ name: "c.test" });

function material(pairs: readonly Issued[], names: TlsMaterial["names"] = []): TlsMaterial {
  const roots = authority.root;
  return {
    pairs: pairs.map(({ cert, key }) => ({ cert, key })),
    fallback: 0,
    names,
    clientRoots: roots,
  };
}

const STATIC: TlsListenerSpec = {
  material: material([a]),
  alpn: ["h2", "http/1.1"],
  minVersion: "TLSv1.2",
  clientAuth: "off",
  needsFacts: false,
  handshakeTimeoutMs: 5000,
};

const NAMES: TlsListenerSpec = {
  ...STATIC,
  material: material([a, b, c], [["b.test", 1], ["*.c.test", 2]]),
};

/** The doors, for what both must do. */
const DOORS = [["static", STATIC], ["names", NAMES]] as const;

async function finish(accepted: Accepted, client: TlsClient): Promise<void> {
  accepted.stream.close();
  accepted.done();
  assert.equal(await client.read(), null, "the stream ends in order");
}

Deno.test("the door follows from what is asked for", async () => {
  const doors: [string, Partial<TlsListenerSpec>, "off" | "v1"][] = [
    ["tls (static certificate)", {}, "off"],
    ["tls (static certificate)", { material: material([a], [["a.test", 0]]) }, "off"],
    ["tls (names)", { material: material([a, b], [["b.test", 1]]) }, "off"],
    ["tls (names)", { minVersion: "TLSv1.3" }, "off"],
    ["tls (names)", { needsFacts: true }, "off"],
    ["tls (names), client certificates optional", { clientAuth: "optional" }, "off"],
    ["tls (names), PROXY v1", {}, "v1"],
  ];
  for (const [door, options, proxyProtocol] of doors) {
    using bench = await new ListenerBench().open({ tls: { ...STATIC, ...options }, proxyProtocol });
    assert.equal(bench.listener.door, door);
  }
});

for (const [door, tls] of DOORS) {
  Deno.test(`${door}: bytes go both ways, and a close says goodbye`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await using client = await TlsClient.connect(bench.listener.port);
    client.write("hello");
    const accepted = await bench.next();
    assert.equal(await readText(accepted.stream), "hello");
    await writeAll(accepted.stream, encoder.encode("welcome"));
    assert.equal(await client.read(), "welcome");
    await finish(accepted, client);
  });

  Deno.test(`${door}: the protocol is what the client prefers of what is offered`, async () => {
    using bench = await new ListenerBench().open({ tls });
    const cases = [[["h2"], "h2"], [["http/1.1"], "http/1.1"], [[], "http/1.1"]] as const;
    for (const [offered, protocol] of cases) {
      const options = { ALPNProtocols: [...offered] };
      await using client = await TlsClient.connect(bench.listener.port, options);
      const accepted = await bench.next();
      assert.equal(accepted.protocol, protocol);
      await finish(accepted, client);
    }
  });

  Deno.test(`${door}: a client without a common protocol is refused`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await assert.rejects(TlsClient.connect(bench.listener.port, { ALPNProtocols: ["h3"] }));
    assert.equal(await bench.rejection(), "tls_handshake");
  });

  Deno.test(`${door}: the client's end of sending is seen, and an answer still goes out`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await using client = await TlsClient.connect(bench.listener.port);
    client.socket.end("last");
    const accepted = await bench.next();
    assert.equal(await readText(accepted.stream), "last");
    assert.equal(await readText(accepted.stream), null);
    await writeAll(accepted.stream, encoder.encode("answer"));
    assert.equal(await client.read(), "answer");
    await finish(accepted, client);
  });

  Deno.test(`${door}: a client that speaks no TLS is refused and makes room`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    for (let i = 1; i <= 3; i++) {
      using client = await bench.connect();
      await client.write(encoder.encode("GET / HTTP/1.1\r\n\r\n"));
      assert.equal(await bench.rejection(i), "tls_handshake");
    }
  });

  Deno.test(`${door}: a client that leaves in the handshake makes room`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    for (let i = 1; i <= 3; i++) {
      const client = await bench.connect();
      await client.write(Uint8Array.of(0x16, 3, 1, 0, 200));
      client.close();
      assert.equal(await bench.rejection(i), "tls_handshake");
    }
  });

  Deno.test(`${door}: a connection outlives the time limit of its handshake`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await using client = await TlsClient.connect(bench.listener.port);
    const accepted = await bench.next();
    bench.clock.tick(bench.clock.now + 60_000);
    client.write("still");
    assert.equal(await readText(accepted.stream), "still");
    await finish(accepted, client);
  });

  Deno.test(`${door}: a connection past the bound is closed and counted`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    await using client = await TlsClient.connect(bench.listener.port);
    const accepted = await bench.next();
    await getsNothing(bench, {});
    assert.deepEqual(bench.rejections, ["max_connections"]);
    await finish(accepted, client);
    await using next = await TlsClient.connect(bench.listener.port);
    await finish(await bench.next(), next);
  });

  Deno.test(`${door}: a port in use is refused with its key`, async () => {
    using bench = await new ListenerBench().open({ tls });
    const options = { tls, port: bench.listener.port, key: "server.tls_listen[0]" };
    const error = await new ListenerBench().open(options).catch((error) => error);
    assert.ok(error instanceof ListenError);
    assert.equal(error.failure, "in_use");
    assert.match(error.message, /^server\.tls_listen\[0\]: /);
  });

  Deno.test(`${door}: new certificates are shown to new clients, and old clients go on`, async () => {
    using bench = await new ListenerBench().open({ tls, reusePort: true });
    const { listener } = bench;
    await using old = await TlsClient.connect(listener.port);
    const first = await bench.next();
    assert.equal(old.shown, "a.test");
    await listener.updateTls?.({ ...tls, material: { ...tls.material, pairs: [b, b, b] } });
    await using young = await TlsClient.connect(listener.port);
    const second = await bench.next();
    assert.equal(young.shown, "b.test");
    await writeAll(first.stream, encoder.encode("old"));
    assert.equal(await old.read(), "old");
    await finish(first, old);
    await finish(second, young);
  });
}

Deno.test("static: facts that the runtime does not tell are empty", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC });
  await using client = await TlsClient.connect(bench.listener.port, { servername: "a.test" });
  const accepted = await bench.next();
  const tls = { version: "", cipher: "", serverName: "", client: undefined };
  assert.deepEqual(accepted.facts.tls, tls);
  assert.equal(accepted.facts.peerAddress, "127.0.0.1");
  assert.equal(accepted.facts.peerPort, client.socket.localPort);
  await finish(accepted, client);
});

Deno.test("static: the same certificates keep the listener as it is", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC });
  // It could not bind a second time: this one does not share its port.
  await bench.listener.updateTls?.({ ...STATIC, material: material([a], [["a.test", 0]]) });
  await using client = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), client);
});

Deno.test("a second certificate opens the other door on the same port", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, reusePort: true });
  const { listener } = bench;
  const { port } = listener;
  await listener.updateTls?.(NAMES);
  assert.equal(listener.door, "tls (names)");
  assert.equal(listener.port, port);
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  assert.equal(client.shown, "b.test");
  await finish(await bench.next(), client);
});

Deno.test("names: each name gets its certificate, others the fallback", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  const cases = [
    ["b.test", "b.test"],
    ["B.TEST", "b.test"],
    ["www.c.test", "c.test"],
    ["c.test", "a.test"],
    ["x.www.c.test", "a.test"],
    ["unknown.test", "a.test"],
    ["", "a.test"],
  ] as const;
  for (const [servername, shown] of cases) {
    await using client = await TlsClient.connect(bench.listener.port, { servername });
    assert.equal(client.shown, shown, servername);
    const accepted = await bench.next();
    assert.equal(accepted.facts.tls?.serverName, servername.toLowerCase());
    await finish(accepted, client);
  }
});

Deno.test("names: without a fallback only known names are served", async () => {
  const tls = { ...NAMES, material: { ...NAMES.material, fallback: undefined } };
  using bench = await new ListenerBench().open({ tls });
  const { port } = bench.listener;
  await assert.rejects(TlsClient.connect(port, { servername: "unknown.test" }));
  await assert.rejects(TlsClient.connect(port));
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  assert.equal(client.shown, "b.test");
  await finish(await bench.next(), client);
});

Deno.test("names: version and cipher are told", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = { minVersion: version, maxVersion: version };
    await using client = await TlsClient.connect(bench.listener.port, options);
    const accepted = await bench.next();
    assert.equal(accepted.facts.tls?.version, version);
    assert.match(accepted.facts.tls?.cipher ?? "", /AES|CHACHA20/);
    await finish(accepted, client);
  }
});

Deno.test("names: a client below the lowest version is refused", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, minVersion: "TLSv1.3" } });
  const { port } = bench.listener;
  await assert.rejects(TlsClient.connect(port, { maxVersion: "TLSv1.2", servername: "b.test" }));
  await assert.rejects(TlsClient.connect(port, { maxVersion: "TLSv1.2" }));
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  await finish(await bench.next(), client);
});

/** A client that is refused: in the handshake, or (TLS 1.3) when it believes to be done with it. */
async function getsNothing(bench: ListenerBench, options: ConnectionOptions): Promise<void> {
  try {
    await using client = await TlsClient.connect(bench.listener.port, options);
    assert.equal(await client.read(), null);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

const client = authority.issue({ name: "client.test", organization: "Example Org" });

for (const clientAuth of ["optional", "required"] as const) {
  for (const servername of ["", "b.test"]) {
    const where = `${clientAuth}${servername === "" ? "" : ", by name"}`;

    Deno.test(`client certificate ${where}: a verified one is told`, async () => {
      using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth } });
      const { cert, key } = client;
      await using peer = await TlsClient.connect(bench.listener.port, { servername, cert, key });
      const accepted = await bench.next();
      assert.deepEqual(accepted.facts.tls?.client, {
        sha256: client.sha256,
        serial: client.serial,
        organization: "Example Org",
      });
      await finish(accepted, peer);
    });

    Deno.test(`client certificate ${where}: one of another authority is refused`, async () => {
      using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth } });
      const { cert, key } = new TestAuthority("Another").issue({ name: "client.test" });
      const refused = getsNothing(bench, { servername, cert, key });
      assert.match(await bench.rejection(), /^tls_(handshake|client_certificate)$/);
      await refused;
    });
  }
}

Deno.test("client certificate optional: none is fine, and none is told", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth: "optional" } });
  await using peer = await TlsClient.connect(bench.listener.port);
  const accepted = await bench.next();
  assert.equal(accepted.facts.tls?.client, undefined);
  await finish(accepted, peer);
});

Deno.test("client certificate required: none is refused", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, clientAuth: "required" } });
  const refused = getsNothing(bench, {});
  assert.equal(await bench.rejection(), "tls_handshake");
  await refused;
});

Deno.test("client certificate off: one that is presented all the same is not told", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  const { cert, key } = client;
  await using peer = await TlsClient.connect(bench.listener.port, { cert, key });
  const accepted = await bench.next();
  assert.equal(accepted.facts.tls?.client, undefined);
  await finish(accepted, peer);
});

const PROXIED = {
  tls: STATIC,
  proxyProtocol: "v2",
  trustedProxies: IpSet.of(["127.0.0.1"]),
} as const;

const HEADER = encodeProxyHeader(
  "v2",
  { address: "192.0.2.9", port: 4711 },
  { address: "192.0.2.1", port: 443 },
);

for (const together of [false, true]) {
  const how = together ? "with the first bytes of the handshake" : "on its own";
  Deno.test(`a PROXY header before TLS is read, ${how}`, async () => {
    using bench = await new ListenerBench().open(PROXIED);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    // What stands between client and gateway: puts the header first.
    const relayed = (async () => {
      using inner = await listener.accept();
      using outer = await bench.connect();
      outer.setNoDelay(true);
      if (!together) await outer.write(HEADER);
      const buffer = new Uint8Array(16_384);
      const count = await inner.read(buffer) ?? 0;
      const hello = buffer.slice(0, count);
      await writeAll(outer, together ? Uint8Array.of(...HEADER, ...hello) : hello);
      await Promise.all([
        inner.readable.pipeTo(outer.writable),
        outer.readable.pipeTo(inner.writable),
      ]).catch(() => {});
    })().catch(() => {});
    {
      await using client = await TlsClient.connect(listener.addr.port);
      client.write("hello");
      const accepted = await bench.next();
      assert.equal(accepted.facts.peerAddress, "192.0.2.9");
      assert.equal(accepted.facts.peerPort, 4711);
      assert.equal(accepted.facts.peerIsDirect, false);
      assert.equal(await readText(accepted.stream), "hello");
      await finish(accepted, client);
    }
    await relayed;
  });
}

Deno.test("a TLS client without the PROXY header is dropped", async () => {
  using bench = await new ListenerBench().open(PROXIED);
  await assert.rejects(TlsClient.connect(bench.listener.port));
  assert.deepEqual(bench.rejections, ["proxy_invalid"]);
});

Deno.test("a PROXY header from a peer that is not trusted is not read", async () => {
  const trustedProxies = IpSet.of(["192.0.2.0/24"]);
  using bench = await new ListenerBench().open({ ...PROXIED, trustedProxies });
  using client = await bench.connect();
  assert.equal(await isClosed(client), true);
  assert.deepEqual(bench.rejections, ["proxy_untrusted"]);
});

Deno.test("a PROXY header before TLS that does not come in time is given up", async () => {
  using bench = await new ListenerBench().open(PROXIED);
  using client = await bench.connect();
  assert.equal(await bench.timeout(10_001), "proxy_timeout");
  assert.equal(await isClosed(client), true);
});

Deno.test("after a silence the listening socket is renewed, and serves on", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES, reusePort: true });
  for (let round = 0; round < 3; round++) {
    await using client = await TlsClient.connect(bench.listener.port);
    await finish(await bench.next(), client);
    bench.clock.tick(bench.clock.now + 10_001);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
});

Deno.test("names: a handshake that takes too long ends the connection", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES, maxConnections: 1 });
  using client = await bench.connect();
  assert.equal(await bench.timeout(5001), "tls_timeout");
  assert.equal(await isClosed(client), true);
  await using next = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), next);
});

Deno.test("names: more handshakes than can end in time are refused", async () => {
  const maxConnections = MAX_HANDSHAKES * 2;
  using bench = await new ListenerBench().open({ tls: NAMES, maxConnections });
  const stalled: Deno.TcpConn[] = [];
  for (let i = 0; i < MAX_HANDSHAKES; i++) stalled.push(await bench.connect());
  using client = await bench.connect();
  assert.equal(await isClosed(client), true);
  assert.equal(await bench.rejection(), "tls_busy");
  for (const connection of stalled) connection.close();
  await bench.rejection(1 + MAX_HANDSHAKES);
});

/** Sends until the peer, which does not read, has no room left; gives the write that waits. */
async function sendTooMuch(accepted: Accepted): Promise<{ waiting: Promise<unknown> }> {
  const piece = new Uint8Array(65_536);
  let writes = 0;
  const sending = (async () => {
    for (;; writes++) await accepted.stream.write(piece);
  })();
  for (let seen = -1; seen !== writes;) {
    seen = writes;
    for (let turns = 0; turns < 20; turns++) await new Promise((r) => setTimeout(r, 0));
  }
  return { waiting: sending };
}

Deno.test("static: a stalled handshake keeps its place until the peer leaves", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, maxConnections: 1 });
  const stalled = await bench.connect();
  const over = await bench.connect();
  assert.equal(await bench.rejection(1), "max_connections");
  over.close();
  bench.clock.tick(bench.clock.now + 5001);
  const again = await bench.connect();
  assert.equal(await bench.rejection(2), "max_connections", "it is still open");
  again.close();
  stalled.close();
  assert.equal(await bench.rejection(3), "tls_timeout");
  await using next = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), next);
});

/** A client by the runtime's own TLS, which reads nothing from the network unless asked to. */
async function quietClient(bench: ListenerBench): Promise<Deno.TlsConn> {
  const client = await Deno.startTls(await bench.connect(), {
    hostname: "a.test",
    caCerts: [authority.root],
  });
  await client.handshake();
  return client;
}

Deno.test("static: an answer the peer does not take ends, and keeps its place", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, maxConnections: 1 });
  const client = await quietClient(bench);
  const accepted = await bench.next();
  const { waiting } = await sendTooMuch(accepted);
  accepted.stream.close();
  await bench.passing(2_001, assert.rejects(waiting));
  accepted.done();
  const over = await bench.connect();
  assert.equal(await bench.rejection(1), "max_connections", "it is still open");
  over.close();
  // The kernel has given a peer that is gone up by now.
  bench.clock.tick(bench.clock.now + 20 * 60_000);
  client.close();
  await using next = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), next);
});

Deno.test("names: an answer the peer does not take ends, and makes room", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES, maxConnections: 1 });
  using _client = await quietClient(bench);
  const accepted = await bench.next();
  const { waiting } = await sendTooMuch(accepted);
  accepted.stream.close();
  await assert.rejects(waiting);
  accepted.done();
  await using next = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), next);
});

for (const [door, tls] of DOORS) {
  Deno.test(`${door}: what nobody reads is left in the network`, async () => {
    using bench = await new ListenerBench().open({ tls });
    const client = await quietClient(bench);
    const accepted = await bench.next();
    const total = 64 * 1024 * 1024;
    let sent = 0;
    const sending = (async () => {
      for (const piece = new Uint8Array(65_536); sent < total;) sent += await client.write(piece);
      await client.closeWrite();
    })();
    for (let seen = -1; seen !== sent;) {
      seen = sent;
      for (let turns = 0; turns < 20; turns++) await new Promise((r) => setTimeout(r, 0));
    }
    assert.ok(sent < total / 2, `${sent} bytes were taken in`);
    const buffer = new Uint8Array(65_536);
    let received = 0;
    for (;;) {
      const count = await accepted.stream.read(buffer);
      if (count === null) break;
      received += count;
    }
    assert.equal(received, total);
    await sending;
    accepted.stream.close();
    client.close();
  });
}

Deno.test("static: too many connections that cannot be ended close this door", async () => {
  using bench = await new ListenerBench().open({
    tls: STATIC,
    maxConnections: 1000,
    reusePort: true,
  });
  const { listener } = bench;
  const stalled: Deno.TcpConn[] = [];
  for (let i = 0; i < MAX_STUCK; i++) stalled.push(await bench.connect());
  const changed = (async () => {
    while (listener.door !== "tls (names)") await new Promise((r) => setTimeout(r, 0));
  })();
  await bench.passing(5_001, changed);
  assert.equal(bench.warnings.length, 1);
  await using client = await TlsClient.connect(listener.port);
  await finish(await bench.next(), client);
  await listener.updateTls?.({ ...STATIC, material: material([b]) });
  assert.equal(listener.door, "tls (names)", "for good");
  for (const connection of stalled) connection.close();
  assert.equal(await bench.rejection(MAX_STUCK), "tls_timeout");
});
