/** PROXY headers of streams, in and out, at their borders (spec 01 section 4.2, pitfalls of segment borders). */
import assert from "node:assert/strict";
import { moment, until } from "../testing/peer.ts";
import { PACED } from "../testing/gateway.ts";
import { named, Peer, readText, StreamGateway, writeText } from "../testing/streams.ts";

const TRUSTED = 'trusted_proxies = ["127.0.0.1"]';
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** 192.0.2.1:1000 to 198.51.100.2:2000. */
const V2 = Uint8Array.of(
  ...SIGNATURE,
  ...[0x21, 0x11, 0, 12, 192, 0, 2, 1, 198, 51, 100, 2, 0x03, 0xe8, 0x07, 0xd0],
);
const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 1000 2000\r\n";
/** A check of the proxy itself: it speaks for no client. */
const V2_LOCAL = Uint8Array.of(...SIGNATURE, 0x20, 0x00, 0, 0);

function route(port: number, version: string, more = ""): string {
  return `upstream = "127.0.0.1:${port}"\ndownstream_proxy_protocol = "${version}"\n${TRUSTED}\n${more}`;
}

/** Sends these pieces, each after the one before has been on its way for a moment, then the end. */
async function inPieces(
  gateway: StreamGateway,
  pieces: readonly (string | Uint8Array)[],
): Promise<string> {
  using client = await gateway.connect();
  client.setNoDelay(true);
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    await client.write(bytes);
    await moment();
  }
  await client.closeWrite();
  return await readText(client);
}

Deno.test("A26: a header in pieces is read whole, and what follows it is passed on once", async () => {
  await using upstream = named("up");
  const v2 = [...V2].map((byte) => Uint8Array.of(byte));
  const v1 = [...V1];
  const ways = {
    v1: [[V1 + "hello"], [V1, "hello"], [...v1, "hello"], [
      V1.slice(0, 20),
      V1.slice(20) + "hello",
    ]],
    v2: [[V2, "hello"], [...v2, "hello"], [V2.subarray(0, 16), V2.subarray(16), "hello"]],
  };
  for (const version of ["v1", "v2"] as const) {
    await using gateway = await StreamGateway.start(route(upstream.port, version));
    for (const pieces of ways[version]) assert.equal(await inPieces(gateway, pieces), "up:hello");
    await gateway.outcomes(ways[version].length);
    assert.deepEqual(new Set(gateway.logged("client")), new Set(["192.0.2.1:1000"]));
  }
});

Deno.test("A26: a server that speaks first is heard before the client has sent anything but the header", async () => {
  await using upstream = new Peer(async (connection) => {
    await writeText(connection, "banner");
    await readText(connection);
  });
  await using gateway = await StreamGateway.start(route(upstream.port, "v2"));
  using client = await gateway.connect();
  await client.write(V2);
  const buffer = new Uint8Array(16);
  assert.equal(await client.read(buffer), 6);
});

Deno.test("a header that is not one, is too slow, or of an untrusted peer ends the connection", async () => {
  await using upstream = named("up");
  {
    await using gateway = await StreamGateway.start(route(upstream.port, "v1"));
    for (
      const wrong of [
        "GET / HTTP/1.1\r\n\r\n",
        "PROXY TCP4 x y 1 2\r\n",
        "PROXY TCP4 " + "1".repeat(200),
      ]
    ) {
      assert.equal(await gateway.ask(wrong).catch(() => ""), "", wrong);
    }
    assert.deepEqual(await gateway.outcomes(3), ["error", "error", "error"]);
  }
  {
    await using gateway = await StreamGateway.start(
      route(upstream.port, "v1", "idle_timeout_secs = 3"),
      { build: PACED },
    );
    using client = await gateway.connect();
    await client.write(new TextEncoder().encode("PROXY"));
    assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
    assert.deepEqual(await gateway.outcomes(1), ["timeout"]);
  }
  {
    const others = route(upstream.port, "v1").replace('127.0.0.1"]', '192.0.2.0/24"]');
    await using gateway = await StreamGateway.start(others);
    assert.equal(await gateway.ask(V1).catch(() => ""), "");
    assert.deepEqual(await gateway.outcomes(1), ["error"]);
  }
  assert.equal(upstream.accepted, 0);
});

Deno.test("lists of sources judge the client of the header, and one without an address by the rule", async () => {
  await using upstream = named("up");
  const allow = 'allow_sources = ["192.0.2.0/24"]';
  const deny = 'deny_sources = ["192.0.2.1"]';
  {
    await using gateway = await StreamGateway.start(route(upstream.port, "v1", allow));
    assert.equal(await gateway.ask(V1), "up:");
    assert.equal(await gateway.ask(V1.replace("192.0.2.1", "203.0.113.9")).catch(() => ""), "");
    assert.equal(await gateway.ask("PROXY UNKNOWN\r\n").catch(() => ""), "");
    // Several threads write the lines, each when its connection has ended.
    assert.deepEqual((await gateway.outcomes(3)).toSorted(), ["completed", "rejected", "rejected"]);
  }
  {
    await using gateway = await StreamGateway.start(
      route(upstream.port, "v1", `${allow}\n${deny}`),
    );
    assert.equal(await gateway.ask(V1).catch(() => ""), "");
    assert.equal(await gateway.ask(V1.replace("192.0.2.1", "192.0.2.2")), "up:");
  }
  {
    await using gateway = await StreamGateway.start(route(upstream.port, "v2", deny));
    assert.equal(await inPieces(gateway, [V2_LOCAL, "x"]), "up:x");
    await gateway.outcomes(1);
    assert.deepEqual(gateway.logged("client"), ["unknown"]);
  }
  assert.equal(upstream.accepted, 3);
});

Deno.test("A27: a client that is not known, or of the other family, is passed on as unknown", async () => {
  await using upstream = named("up");
  for (
    const [version, expected] of [["v1", "PROXY UNKNOWN\r\n"], [
      "v2",
      "\r\n\r\n\0\r\nQUIT\n!\0\0\0",
    ]]
  ) {
    const more = `upstream_proxy_protocol = "${version}"`;
    await using gateway = await StreamGateway.start(route(upstream.port, "v1", more));
    assert.equal(await gateway.ask("PROXY UNKNOWN\r\n"), `up:${expected}`);
    assert.equal(await gateway.ask("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), `up:${expected}`);
    await until("both are over", () => gateway.logged("outcome").length === 2);
  }
});
