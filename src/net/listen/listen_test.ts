import assert from "node:assert/strict";
import { writeAll } from "../duplex.ts";
import { TrustedPeers } from "../trusted_peers.ts";
import { ListenError } from "./listen_error.ts";
import { isClosed, ListenerBench, readText } from "../testing/listener_bench.ts";

const encoder = new TextEncoder();

const TRUSTED = TrustedPeers.of(["127.0.0.0/8"]);

Deno.test("a cleartext connection is handed over with its facts", async () => {
  using bench = await new ListenerBench().open();
  using client = await bench.connect();
  const accepted = await bench.next();
  assert.ok(client.localAddr.transport === "tcp");
  assert.deepEqual(accepted.facts, {
    peerAddress: "127.0.0.1",
    peerPort: client.localAddr.port,
    peerIsDirect: true,
    localAddress: "127.0.0.1",
    localPort: bench.listener.port,
    listener: "127.0.0.1:0",
    tls: undefined,
  });
  await client.write(encoder.encode("hello"));
  assert.equal(await readText(accepted.stream), "hello");
  accepted.stream.close();
});

Deno.test("an IPv4 peer of a dual-stack listener is known by its IPv4 address", async () => {
  using bench = await new ListenerBench().open({ hostname: "::" });
  using _client = await bench.connect();
  const accepted = await bench.next();
  assert.equal(accepted.facts.peerAddress, "127.0.0.1");
  assert.equal(accepted.facts.localAddress, "127.0.0.1");
  accepted.stream.close();
});

Deno.test("a connection past the bound is closed at once and counted", async () => {
  using bench = await new ListenerBench().open({ maxConnections: 1 });
  using _first = await bench.connect();
  const accepted = await bench.next();
  using second = await bench.connect();
  assert.equal(await isClosed(second), true);
  assert.deepEqual(bench.rejections, ["max_connections"]);
  accepted.stream.close();
});

Deno.test("a connection that is done makes room, once", async () => {
  using bench = await new ListenerBench().open({ maxConnections: 1 });
  for (let i = 0; i < 3; i++) {
    using _client = await bench.connect();
    const accepted = await bench.next();
    accepted.stream.close();
    accepted.done();
    accepted.done();
  }
  using _open = await bench.connect();
  const accepted = await bench.next();
  using over = await bench.connect();
  assert.equal(await isClosed(over), true);
  accepted.stream.close();
});

Deno.test("a closed listener accepts no more, and accepted connections go on", async () => {
  using bench = await new ListenerBench().open();
  using client = await bench.connect();
  const accepted = await bench.next();
  bench.listener.close();
  bench.listener.close();
  // Refused, or reset when the kernel had queued it: never served.
  await assert.rejects(bench.connect(), /refused|reset/);
  await writeAll(accepted.stream, encoder.encode("still here"));
  assert.equal(await readText(client), "still here");
  accepted.stream.close();
});

Deno.test("an address in use is refused with its key and a hint", async () => {
  using bench = await new ListenerBench().open();
  const { port } = bench.listener;
  const error = await new ListenerBench().open({ port, name: `127.0.0.1:${port}` }).catch((e) => e);
  assert.ok(error instanceof ListenError);
  assert.equal(error.failure, "in_use");
  assert.match(error.message, /^server\.listen\[0\]: cannot listen on 127\.0\.0\.1:\d+: .*; /);
});

Deno.test("an address this machine does not have is refused with a hint", async () => {
  const error = await new ListenerBench().open({ hostname: "192.0.2.1" }).catch((e) => e);
  assert.ok(error instanceof ListenError);
  assert.equal(error.failure, "no_address");
});

Deno.test({
  name: "a listener without permission names the flag",
  permissions: { net: ["127.0.0.1:1"] },
  fn: async () => {
    const error = await new ListenerBench().open({ port: 2, name: "127.0.0.1:2" }).catch((e) => e);
    assert.ok(error instanceof ListenError);
    assert.equal(error.failure, "not_permitted");
    assert.match(error.hint, /--allow-net=127\.0\.0\.1:2/);
  },
});

Deno.test("a PROXY header's source becomes the peer, and what follows it is read next", async () => {
  using bench = await new ListenerBench().open({ proxyProtocol: "v1", trustedProxies: TRUSTED });
  using client = await bench.connect();
  await client.write(encoder.encode("PROXY TCP4 192.0.2.9 198.51.100.1 4711 80\r\nGET /"));
  const accepted = await bench.next();
  assert.equal(accepted.facts.peerAddress, "192.0.2.9");
  assert.equal(accepted.facts.peerPort, 4711);
  assert.equal(accepted.facts.peerIsDirect, false);
  assert.equal(accepted.facts.localPort, bench.listener.port);
  assert.equal(await readText(accepted.stream), "GET /");
  await client.write(encoder.encode(" more"));
  assert.equal(await readText(accepted.stream), " more");
  accepted.stream.close();
});

Deno.test("a PROXY header may arrive byte by byte", async () => {
  using bench = await new ListenerBench().open({ proxyProtocol: "v1", trustedProxies: TRUSTED });
  using client = await bench.connect();
  client.setNoDelay(true);
  for (const byte of encoder.encode("PROXY TCP6 2001:db8::9 ::1 1 2\r\n")) {
    await client.write(Uint8Array.of(byte));
  }
  const accepted = await bench.next();
  assert.equal(accepted.facts.peerAddress, "2001:db8::9");
  accepted.stream.close();
});

Deno.test("a v2 header of the longest payload is read", async () => {
  using bench = await new ListenerBench().open({ proxyProtocol: "v2", trustedProxies: TRUSTED });
  using client = await bench.connect();
  const header = new Uint8Array(16 + 4096);
  header.set([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 16, 0]);
  header.set([192, 0, 2, 1, 192, 0, 2, 2, 0, 7, 0, 8], 16);
  await writeAll(client, header);
  await client.write(encoder.encode("next"));
  const accepted = await bench.next();
  assert.equal(accepted.facts.peerAddress, "192.0.2.1");
  assert.equal(await readText(accepted.stream), "next");
  accepted.stream.close();
});

Deno.test("a header without a source leaves the TCP peer", async () => {
  using bench = await new ListenerBench().open({ proxyProtocol: "v1", trustedProxies: TRUSTED });
  using client = await bench.connect();
  await client.write(encoder.encode("PROXY UNKNOWN\r\n"));
  const accepted = await bench.next();
  assert.equal(accepted.facts.peerAddress, "127.0.0.1");
  assert.equal(accepted.facts.peerIsDirect, true);
  accepted.stream.close();
});

Deno.test("a peer that is not trusted is dropped before its header is read", async () => {
  const trustedProxies = TrustedPeers.of(["10.0.0.0/8"]);
  using bench = await new ListenerBench().open({ proxyProtocol: "v1", trustedProxies });
  using client = await bench.connect();
  assert.equal(await isClosed(client), true);
  assert.deepEqual(bench.rejections, ["proxy_untrusted"]);
});

Deno.test("a connection that begins with anything else is dropped in silence", async () => {
  using bench = await new ListenerBench().open({ proxyProtocol: "v2", trustedProxies: TRUSTED });
  using client = await bench.connect();
  await client.write(encoder.encode("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(await isClosed(client), true);
  assert.deepEqual(bench.rejections, ["proxy_invalid"]);
});

Deno.test("a header that does not come in time ends the connection and makes room", async () => {
  const options = { proxyProtocol: "v2", trustedProxies: TRUSTED, maxConnections: 1 } as const;
  using bench = await new ListenerBench().open(options);
  using client = await bench.connect();
  await client.write(Uint8Array.of(13));
  assert.equal(await bench.timeout(11_000), "proxy_timeout");
  assert.equal(await isClosed(client), true);
  using again = await bench.connect();
  await again.write(encoder.encode("x"));
  assert.equal(await isClosed(again), true);
  assert.deepEqual(bench.rejections, ["proxy_timeout", "proxy_invalid"], "there was room for it");
});
