import assert from "node:assert/strict";
import { connect } from "node:tls";
import fc from "fast-check";
import {
  MAX_HELLO_BYTES,
  mayBeHello,
  protocolsIn,
  readClientHello,
  serverNameIn,
} from "./client_hello.ts";

/** The first bytes that a real client sends. */
async function helloOf(
  servername: string | undefined,
  ALPNProtocols?: string[],
): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = connect({
    host: "127.0.0.1",
    port: listener.addr.port,
    servername,
    ALPNProtocols,
  });
  client.on("error", () => {});
  using connection = await listener.accept();
  const buffer = new Uint8Array(16_384);
  const count = await connection.read(buffer);
  client.destroy();
  return buffer.slice(0, count ?? 0);
}

/** A hello as records of `size` bytes each. */
function inRecords(hello: Uint8Array, size: number): Uint8Array {
  const message = hello.subarray(5);
  const pieces: number[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    pieces.push(22, 3, 1, piece.length >> 8, piece.length & 255, ...piece);
  }
  return Uint8Array.from(pieces);
}

/** A stream that gives `bytes` in pieces of `size`, and ends. */
function streamOf(bytes: Uint8Array, size: number) {
  let at = 0;
  return {
    next(): Promise<Uint8Array | null> {
      const piece = bytes.subarray(at, at + size);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece);
    },
  };
}

Deno.test("the name that a client asks for is found as soon as it is there", async () => {
  const hello = await helloOf("Shop.Example");
  assert.equal(serverNameIn(hello), "Shop.Example");
  for (let length = 0; length < hello.length; length++) {
    assert.equal(serverNameIn(hello.subarray(0, length)), undefined, `${length} bytes`);
  }
});

Deno.test("a client that asks for no name has the empty one", async () => {
  assert.equal(serverNameIn(await helloOf(undefined)), "");
});

Deno.test("a hello may be spread over records and reads", async () => {
  const hello = await helloOf("a.test");
  for (const size of [1, 3, 100]) {
    const bytes = inRecords(hello, size);
    assert.equal(serverNameIn(bytes), "a.test", `records of ${size} bytes`);
    const early = bytes.subarray(0, 10);
    const read = await readClientHello(streamOf(bytes.subarray(10), 7), early);
    assert.equal(read?.serverName, "a.test");
    assert.deepEqual(read?.bytes, bytes, "nothing is lost");
  }
});

Deno.test("a client that leaves before its hello is complete has none", async () => {
  const hello = await helloOf("a.test");
  const stream = streamOf(hello.subarray(0, -1), 50);
  assert.equal(await readClientHello(stream, new Uint8Array(0)), undefined);
});

Deno.test("what is not a hello has no name, and nothing more is waited for", () => {
  const encoder = new TextEncoder();
  assert.equal(serverNameIn(encoder.encode("G")), "");
  assert.equal(serverNameIn(encoder.encode("GET / HTTP/1.1\r\n\r\n")), "");
  assert.equal(serverNameIn(Uint8Array.of(22, 3, 1, 0, 0)), "", "an empty record");
  assert.equal(serverNameIn(Uint8Array.of(22, 3, 1, 0, 4, 2, 0, 0, 0)), "", "another message");
});

Deno.test("what is not a hello is distinguished from one that is not complete", () => {
  const encoder = new TextEncoder();
  for (const start of [[22], [22, 3, 1, 0, 200], [22, 3, 1, 0, 200, 1]]) {
    assert.ok(mayBeHello(Uint8Array.from(start)));
  }
  assert.equal(mayBeHello(encoder.encode("GET / HTTP/1.1\r\n\r\n")), false);
  assert.equal(mayBeHello(Uint8Array.of(22, 3, 1, 0, 4, 2)), false);
});

Deno.test("a hello without end is given up at the bound", async () => {
  const endless = new Uint8Array(MAX_HELLO_BYTES * 2);
  endless.set([22, 3, 1, 255, 255, 1, 255, 255, 255]);
  const size = 1000;
  const read = await readClientHello(streamOf(endless, size), new Uint8Array(0));
  assert.equal(read?.serverName, "");
  assert.ok(read.bytes.length < MAX_HELLO_BYTES + size);
});

Deno.test("no bytes whatever make it fail, or make up more than they have", async () => {
  const hello = await helloOf("a.test");
  const spoilt = fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 8 });
  fc.assert(fc.property(spoilt, (changes) => {
    const bytes = hello.slice();
    for (const [at, value] of changes) bytes[at] = value;
    assert.ok((serverNameIn(bytes) ?? "").length <= bytes.length);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
    const bytes = Uint8Array.from([22, 3, 1, 0, noise.length & 255, ...noise]);
    assert.ok((serverNameIn(bytes) ?? "").length <= bytes.length);
  }));
});

Deno.test("the protocols that a client offers are found, in its order and over records", async () => {
  const hello = await helloOf("a.test", ["h2", "http/1.1"]);
  assert.deepEqual(protocolsIn(hello), ["h2", "http/1.1"]);
  assert.deepEqual(protocolsIn(inRecords(hello, 7)), ["h2", "http/1.1"]);
  assert.deepEqual(protocolsIn(hello.subarray(0, hello.length - 1)), []);
  assert.deepEqual(protocolsIn(await helloOf("a.test")), []);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const broken = hello.slice();
    broken.set(bytes, hello.length - bytes.length);
    for (const name of protocolsIn(broken)) assert.ok(name.length > 0 && name.length < 256);
  }));
});
