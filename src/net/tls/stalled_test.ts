import assert from "node:assert/strict";
import type { Accepted } from "../listen/listener.ts";
import { MAX_HANDSHAKES } from "../listen/reception.ts";
import { MAX_STUCK } from "./static_stream.ts";
import { isClosed, ListenerBench } from "../testing/listener_bench.ts";
import { TlsClient } from "../testing/tls_client.ts";
import { turn } from "../testing/until.ts";
import {
  authority,
  b,
  finish,
  material,
  NAMES,
  settled,
  STATIC,
  TERMINATORS,
} from "../testing/tls_terminators.ts";

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
  await settled(() => writes);
  return { waiting: sending };
}

Deno.test("static: a stalled handshake makes room when its time is over", async () => {
  using bench = await new ListenerBench().open({ tls: STATIC, maxConnections: 1 });
  const stalled = await bench.connect();
  const over = await bench.connect();
  assert.equal(await bench.rejection(1), "max_connections");
  over.close();
  bench.clock.tick(bench.clock.now + 5001);
  assert.deepEqual(bench.rejections, ["max_connections", "tls_timeout"]);
  await using next = await TlsClient.connect(bench.listener.port);
  await finish(await bench.next(), next);
  stalled.close();
  // A place is given back once.
  await using last = await TlsClient.connect(bench.listener.port);
  const accepted = await bench.next();
  const beyond = await bench.connect();
  assert.equal(await bench.rejection(3), "max_connections");
  beyond.close();
  await finish(accepted, last);
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

for (const [terminator, tls] of TERMINATORS) {
  Deno.test(`${terminator}: what is not read is left in the network`, async () => {
    using bench = await new ListenerBench().open({ tls });
    const client = await quietClient(bench);
    const accepted = await bench.next();
    const total = 64 * 1024 * 1024;
    let sent = 0;
    const sending = (async () => {
      for (const piece = new Uint8Array(65_536); sent < total;) sent += await client.write(piece);
      await client.closeWrite();
    })();
    await settled(() => sent);
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

Deno.test("static: too many connections that cannot be ended close this terminator", async () => {
  using bench = await new ListenerBench().open({
    tls: STATIC,
    maxConnections: 1000,
    reusePort: true,
  });
  const { listener } = bench;
  const stalled: Deno.TcpConn[] = [];
  for (let i = 0; i < MAX_STUCK; i++) stalled.push(await bench.connect());
  const changed = (async () => {
    while (listener.description !== "tls (names)") await turn();
  })();
  await bench.passing(5_001, changed);
  assert.equal(bench.warnings.length, 1);
  await using client = await TlsClient.connect(listener.port);
  await finish(await bench.next(), client);
  await listener.updateTls?.({ ...STATIC, material: material([b]) });
  assert.equal(listener.description, "tls (names)", "for good");
  for (const connection of stalled) connection.close();
  assert.equal(await bench.rejection(MAX_STUCK), "tls_timeout");
});
