import assert from "node:assert/strict";
import { writeAll } from "../duplex.ts";
import { TrustedPeers } from "../trusted_peers.ts";
import { ListenError } from "../listen/listen_error.ts";
import { encodeProxyHeader } from "../listen/proxy_protocol.ts";
import { isClosed, ListenerBench, readText } from "../testing/listener_bench.ts";
import { TlsClient } from "../testing/tls_client.ts";
import {
  a,
  authority,
  b,
  finish,
  getsNothing,
  material,
  NAMES,
  STATIC,
  TERMINATORS,
} from "../testing/tls_terminators.ts";
import type { TlsListenerSpec } from "./spec.ts";

const encoder = new TextEncoder();

Deno.test("the terminator follows from what is asked for", async () => {
  const terminators: [string, Partial<TlsListenerSpec>, "off" | "v1"][] = [
    ["tls (static certificate)", {}, "off"],
    ["tls (static certificate)", { material: material([a], [["a.test", 0]]) }, "off"],
    ["tls (names)", { material: material([a, b], [["b.test", 1]]) }, "off"],
    ["tls (names)", { minVersion: "TLSv1.3" }, "off"],
    ["tls (names)", { needsFacts: true }, "off"],
    ["tls (names), client certificates optional", { clientAuth: "optional" }, "off"],
    ["tls (names), PROXY v1", {}, "v1"],
  ];
  for (const [terminator, options, proxyProtocol] of terminators) {
    using bench = await new ListenerBench().open({ tls: { ...STATIC, ...options }, proxyProtocol });
    assert.equal(bench.listener.description, terminator);
  }
});

for (const [terminator, tls] of TERMINATORS) {
  Deno.test(`${terminator}: bytes go both ways, and a close says goodbye`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await using client = await TlsClient.connect(bench.listener.port);
    client.write("hello");
    const accepted = await bench.next();
    assert.equal(await readText(accepted.stream), "hello");
    await writeAll(accepted.stream, encoder.encode("welcome"));
    assert.equal(await client.read(), "welcome");
    await finish(accepted, client);
  });

  Deno.test(`${terminator}: the protocol is what the client prefers of what is offered`, async () => {
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

  Deno.test(`${terminator}: a client without a common protocol is refused`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await assert.rejects(TlsClient.connect(bench.listener.port, { ALPNProtocols: ["h3"] }));
    assert.equal(await bench.rejection(), "tls_handshake");
  });

  Deno.test(`${terminator}: the client's end of sending is seen, and an answer still goes out`, async () => {
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

  Deno.test(`${terminator}: a client that speaks no TLS is refused and makes room`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    for (let i = 1; i <= 3; i++) {
      using client = await bench.connect();
      await client.write(encoder.encode("GET / HTTP/1.1\r\n\r\n"));
      assert.equal(await bench.rejection(i), "tls_handshake");
    }
  });

  Deno.test(`${terminator}: a client that leaves in the handshake makes room`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    for (let i = 1; i <= 3; i++) {
      const client = await bench.connect();
      await client.write(Uint8Array.of(0x16, 3, 1, 0, 200));
      client.close();
      assert.equal(await bench.rejection(i), "tls_handshake");
    }
  });

  Deno.test(`${terminator}: a connection outlives the time limit of its handshake`, async () => {
    using bench = await new ListenerBench().open({ tls });
    await using client = await TlsClient.connect(bench.listener.port);
    const accepted = await bench.next();
    bench.clock.tick(bench.clock.now + 60_000);
    client.write("still");
    assert.equal(await readText(accepted.stream), "still");
    await finish(accepted, client);
  });

  Deno.test(`${terminator}: a connection past the bound is closed and counted`, async () => {
    using bench = await new ListenerBench().open({ tls, maxConnections: 1 });
    await using client = await TlsClient.connect(bench.listener.port);
    const accepted = await bench.next();
    await getsNothing(bench, {});
    assert.deepEqual(bench.rejections, ["max_connections"]);
    await finish(accepted, client);
    await using next = await TlsClient.connect(bench.listener.port);
    await finish(await bench.next(), next);
  });

  Deno.test(`${terminator}: a port in use is refused with its key`, async () => {
    using bench = await new ListenerBench().open({ tls });
    const options = { tls, port: bench.listener.port, key: "server.tls_listen[0]" };
    const error = await new ListenerBench().open(options).catch((error) => error);
    assert.ok(error instanceof ListenError);
    assert.equal(error.failure, "in_use");
    assert.match(error.message, /^server\.tls_listen\[0\]: /);
  });

  Deno.test(`${terminator}: new certificates are shown to new clients, and old clients go on`, async () => {
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

Deno.test("a second certificate opens the other terminator on the same port", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, reusePort: true });
  const { listener } = bench;
  const { port } = listener;
  await listener.updateTls?.(NAMES);
  assert.equal(listener.description, "tls (names)");
  assert.equal(listener.port, port);
  await using client = await TlsClient.connect(port, { servername: "b.test" });
  assert.equal(client.shown, "b.test");
  await finish(await bench.next(), client);
});

Deno.test("names: what clients are asked for changes without a new socket", async () => {
  // It could not bind a second time: this one does not share its port.
  using bench = await new ListenerBench().open({ tls: NAMES });
  await bench.listener.updateTls?.({ ...NAMES, clientAuth: "required", alpn: ["http/1.1"] });
  assert.equal(bench.listener.description, "tls (names), client certificates required");
  await getsNothing(bench, { servername: "b.test" });
  await bench.listener.updateTls?.({ ...NAMES, alpn: ["http/1.1"] });
  await using client = await TlsClient.connect(bench.listener.port, {
    ALPNProtocols: ["h2", "http/1.1"],
  });
  assert.equal(client.socket.alpnProtocol, "http/1.1");
  await finish(await bench.next(), client);
});

Deno.test("a change of the key opens the other terminator on the same port", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, reusePort: true });
  await bench.listener.updateTls?.({ ...STATIC, fastListener: false });
  assert.equal(bench.listener.description, "tls (names)");
  await bench.listener.updateTls?.(STATIC);
  assert.equal(bench.listener.description, "tls (static certificate)");
  await using client = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), client);
});

Deno.test("names: a listener without connections for a while accepts on", async () => {
  using bench = await new ListenerBench().open({ tls: NAMES });
  for (let round = 0; round < 3; round++) {
    await using client = await TlsClient.connect(bench.listener.port);
    await finish(await bench.next(), client);
    bench.clock.tick(bench.clock.now + 1_001);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
});

const PROXIED = {
  tls: STATIC,
  proxyProtocol: "v2",
  trustedProxies: TrustedPeers.of(["127.0.0.1"]),
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
    // What is between client and gateway: puts the header first.
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
  const trustedProxies = TrustedPeers.of(["192.0.2.0/24"]);
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

const UNKNOWN = authority.issue({ name: "u.test", criticalExtension: [0x2a, 0x03, 0x04] });
const UNFIT = material([a, UNKNOWN], [["u.test", 1]]);

Deno.test("names: that no client can shake hands with a certificate of ours is reported once", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, material: UNFIT } });
  for (let i = 1; i <= 3; i++) {
    await getsNothing(bench, { servername: "u.test" });
    assert.equal(await bench.rejection(i), "tls_handshake");
  }
  await bench.reported();
  assert.equal(bench.unfit.length, 1);
  assert.match(bench.unfit[0], /^the certificate of CN=u\.test cannot be served, .* 1\.2\.3\.4/);
});

Deno.test("names: a handshake that fails because of the client says nothing of the certificate", async () => {
  using bench = await new ListenerBench().open({ tls: { ...NAMES, material: UNFIT } });
  await assert.rejects(TlsClient.connect(bench.listener.port, { ALPNProtocols: ["h3"] }));
  await getsNothing(bench, { servername: "u.test" });
  await bench.reported();
  assert.deepEqual(bench.unfit.map((message) => message.includes("u.test")), [true]);
});

Deno.test("static: a certificate that no client can shake hands with is not taken up", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC });
  await assert.rejects(bench.listener.updateTls!({ ...STATIC, material: material([UNKNOWN]) }));
  await using client = await TlsClient.connect(bench.listener.port);
  assert.equal(client.shown, "a.test");
  await finish(await bench.next(), client);
});
