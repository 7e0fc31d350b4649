import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Clock } from "./clock.ts";
import { writeAll } from "./duplex.ts";
import { NodeDuplex } from "./node_duplex.ts";
import { until } from "./testing/until.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A socket as a duplex, and the runtime's own connection at its other end. */
class Pair {
  readonly clock = new Clock();
  readonly duplex: NodeDuplex;

  private constructor(
    readonly peer: Deno.TcpConn,
    readonly socket: Socket,
    readonly server: Server,
  ) {
    this.duplex = new NodeDuplex(socket, this.clock);
  }

  static async open(): Promise<Pair> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const accepted = once(server, "connection");
    const peer = await Deno.connect({ hostname: "127.0.0.1", port: address.port });
    const [socket] = await accepted;
    return new Pair(peer, socket, server);
  }

  /** Lets the event loop go round once. */
  turn(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    try {
      this.peer.close();
    } catch {
      // Closed by the test.
    }
    this.server.close();
    await once(this.server, "close");
  }
}

async function text(reading: Promise<number | null>, buffer: Uint8Array): Promise<string | null> {
  const count = await reading;
  return count === null ? null : decoder.decode(buffer.subarray(0, count));
}

Deno.test("bytes are read as they come, in pieces that fit", async () => {
  await using pair = await Pair.open();
  const buffer = new Uint8Array(4);
  const reading = pair.duplex.read(buffer);
  await pair.peer.write(encoder.encode("abcdefghij"));
  assert.equal(await text(reading, buffer), "abcd");
  assert.equal(await text(pair.duplex.read(buffer), buffer), "efgh");
  assert.equal(await text(pair.duplex.read(buffer), buffer), "ij");
});

Deno.test("bytes that came before anyone read are kept", async () => {
  await using pair = await Pair.open();
  await pair.peer.write(encoder.encode("early"));
  await once(pair.socket, "data");
  const buffer = new Uint8Array(10);
  assert.equal(await text(pair.duplex.read(buffer), buffer), "early");
});

Deno.test("the end of the peer's direction is read as null, and writing goes on", async () => {
  await using pair = await Pair.open();
  await pair.peer.write(encoder.encode("last"));
  await pair.peer.closeWrite();
  const buffer = new Uint8Array(10);
  assert.equal(await text(pair.duplex.read(buffer), buffer), "last");
  assert.equal(await pair.duplex.read(buffer), null);
  assert.equal(await pair.duplex.read(buffer), null);
  await writeAll(pair.duplex, encoder.encode("answer"));
  const answer = new Uint8Array(10);
  assert.equal(await text(pair.peer.read(answer), answer), "answer");
});

Deno.test("the end of our direction leaves the peer's open", async () => {
  await using pair = await Pair.open();
  await pair.duplex.closeWrite();
  const buffer = new Uint8Array(10);
  assert.equal(await pair.peer.read(buffer), null);
  await pair.peer.write(encoder.encode("still"));
  assert.equal(await text(pair.duplex.read(buffer), buffer), "still");
});

Deno.test("a peer that sends without being read has to wait", async () => {
  await using pair = await Pair.open();
  const megabyte = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
  const total = 16;
  const sending = (async () => {
    for (let i = 0; i < total; i++) await writeAll(pair.peer, megabyte);
  })();
  while (!pair.socket.isPaused()) await once(pair.socket, "data");
  assert.ok(pair.socket.bytesRead < 2 * 1024 * 1024, "the rest waits in the kernel");
  const buffer = new Uint8Array(50_000);
  let received = 0;
  while (received < total * megabyte.length) {
    const count = await pair.duplex.read(buffer);
    assert.ok(count !== null);
    for (const at of [0, count - 1]) {
      assert.equal(buffer[at], (received + at) % megabyte.length % 251);
    }
    received += count;
  }
  await sending;
});

Deno.test("a large write is taken in parts", async () => {
  await using pair = await Pair.open();
  const large = new Uint8Array(300_000).map((_, i) => i % 251);
  assert.ok(await pair.duplex.write(large) < large.length);
});

Deno.test("what was written may be changed as soon as the write is done", async () => {
  await using pair = await Pair.open();
  const reader = (async () => {
    const seen = new Set<number>();
    const buffer = new Uint8Array(65_536);
    for (let left = 200 * 65_536; left > 0;) {
      const count = await pair.peer.read(buffer);
      assert.ok(count !== null);
      left -= count;
      for (const byte of buffer.subarray(0, count)) seen.add(byte);
    }
    return seen;
  })();
  const bytes = new Uint8Array(65_536);
  for (let i = 0; i < 200; i++) {
    bytes.fill(1);
    await writeAll(pair.duplex, bytes);
    bytes.fill(2);
  }
  assert.deepEqual(await reader, new Set([1]));
});

Deno.test("closing ends a pending read and tells the peer", async () => {
  await using pair = await Pair.open();
  const reading = pair.duplex.read(new Uint8Array(1));
  pair.duplex.close();
  pair.duplex.close();
  await assert.rejects(reading, Deno.errors.Interrupted);
  assert.equal(await pair.peer.read(new Uint8Array(1)), null);
  await assert.rejects(pair.duplex.read(new Uint8Array(1)), Deno.errors.Interrupted);
  await assert.rejects(pair.duplex.write(new Uint8Array(1)), Deno.errors.Interrupted);
});

Deno.test("closing drops what was not read", async () => {
  await using pair = await Pair.open();
  await pair.peer.write(encoder.encode("late"));
  await once(pair.socket, "data");
  pair.duplex.close();
  await assert.rejects(pair.duplex.read(new Uint8Array(9)), Deno.errors.Interrupted);
});

Deno.test("what was written is sent before a close", async () => {
  await using pair = await Pair.open();
  await writeAll(pair.duplex, encoder.encode("goodbye"));
  pair.duplex.close();
  const buffer = new Uint8Array(10);
  assert.equal(await text(pair.peer.read(buffer), buffer), "goodbye");
});

Deno.test("closing gives up a write that the peer does not take", async () => {
  await using pair = await Pair.open();
  const stuck = new Uint8Array(65_536);
  const writing = (async () => {
    for (;;) await pair.duplex.write(stuck);
  })();
  const failed = assert.rejects(writing);
  while (pair.socket.writableLength === 0) await pair.turn();
  pair.duplex.close();
  await failed;
  assert.equal(pair.socket.destroyed, true);
});

Deno.test("a goodbye that the peer does not take is given up in time", async () => {
  await using pair = await Pair.open();
  // As a peer that reads nothing would make it: the goodbye cannot leave.
  pair.socket.destroySoon = () => {};
  pair.duplex.close();
  pair.clock.tick(pair.clock.now + 1_900);
  assert.equal(pair.socket.destroyed, false);
  pair.clock.tick(pair.clock.now + 200);
  assert.equal(pair.socket.destroyed, true);
});

Deno.test("a reset by the peer ends a pending read", async () => {
  await using pair = await Pair.open();
  const address = pair.server.address();
  assert.ok(address !== null && typeof address === "object");
  const accepted = once(pair.server, "connection");
  const peer = connect(address.port, "127.0.0.1");
  const [socket] = await accepted;
  const duplex = new NodeDuplex(socket, pair.clock);
  const reading = assert.rejects(duplex.read(new Uint8Array(1)), /ECONNRESET|reset/i);
  peer.resetAndDestroy();
  await reading;
  await assert.rejects(duplex.write(new Uint8Array(1)));
});

Deno.test("a socket that was closed before it was wrapped is known to be", async () => {
  await using pair = await Pair.open();
  const gone = connect({ port: 1, host: "127.0.0.1" });
  gone.on("error", () => {});
  gone.destroy();
  await once(gone, "close");
  const duplex = new NodeDuplex(gone, pair.clock);
  await assert.rejects(duplex.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
});

Deno.test("a write of no bytes waits for the one under way, and shows that the peer has gone after its end", async () => {
  await using pair = await Pair.open();
  const { duplex, peer } = pair;
  const [bytes, nothing] = [duplex.write(encoder.encode("abc")), duplex.write(new Uint8Array(0))];
  assert.deepEqual(await Promise.all([bytes, nothing]), [3, 0]);
  await peer.closeWrite();
  assert.equal(await duplex.read(new Uint8Array(1)), null);
  // With unread bytes, so that it is a reset.
  peer.close();
  await until("it is noticed", () => duplex.write(new Uint8Array(0)).then(() => false, () => true));
});
