/** Metrics of streams as a scrape sees them (spec 06 section B3), and floods of connections. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { freePort, until } from "../testing/peer.ts";
import { close, deadPort, named, Peer, readText, StreamGateway } from "../testing/streams.ts";

/** A gateway with metrics, and what a scrape has of the streams. */
async function measured(route: string) {
  const port = freePort();
  const gateway = await StreamGateway.start(route, {
    more: `[metrics]\nenabled = true\nlisten = "127.0.0.1:${port}"\n`,
  });
  await gateway.says(/the service control runs/);
  const samples = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const lines = (await response.text()).split("\n");
    return lines.filter((line) => line.startsWith("fluxheim_stream_") && !line.endsWith(" 0"));
  };
  return { gateway, samples };
}

Deno.test("every outcome is counted by route, and bytes of completed connections by direction", async () => {
  await using upstream = named("up");
  const { gateway, samples } = await measured(
    `upstreams = ["127.0.0.1:${upstream.port}"]\nmax_connection_bytes = 10\ndeny_sources = ["127.0.0.9"]`,
  );
  await using _ = gateway;
  assert.equal(await gateway.ask("12345"), "up:12345");
  assert.equal(await gateway.ask("1"), "up:1");
  await gateway.ask("12345678901").catch(() => "");
  const outcome = (name: string, count: number) =>
    `fluxheim_stream_connections_total{route="test",outcome="${name}"} ${count}`;
  const bytes = (direction: string, count: number) =>
    `fluxheim_stream_bytes_total{route="test",direction="${direction}"} ${count}`;
  const expected = [
    outcome("completed", 2),
    outcome("error", 1),
    bytes("downstream_to_upstream", 6),
    bytes("upstream_to_downstream", 12),
  ];
  await until("all are counted", async () => {
    const found = await samples();
    return expected.every((line) => found.includes(line));
  });
  assert.deepEqual([...await samples()].sort(), [...expected].sort());
});

Deno.test("an upstream that is not there is a connect error, and counts no bytes", async () => {
  const { gateway, samples } = await measured(`upstream = "127.0.0.1:${deadPort()}"`);
  await using _ = gateway;
  await gateway.ask("x").catch(() => "");
  await until("it is counted", async () => {
    return (await samples()).join() ===
      'fluxheim_stream_connections_total{route="test",outcome="connect_error"} 1';
  });
});

Deno.test("a flood from one source leaves others their places, and one line a second in the log", async () => {
  await using upstream = new Peer(async (connection) => void await readText(connection));
  const { gateway, samples } = await measured(
    `upstream = "127.0.0.1:${upstream.port}"\nmax_connections = 50`,
  );
  await using _ = gateway;
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 400; i++) clients.push(await gateway.connect());
  const rejected = 'fluxheim_stream_connections_total{route="test",outcome="rejected"} 350';
  await until("the rest is refused", async () => (await samples()).includes(rejected));
  assert.equal(upstream.open, 50);
  const lines = gateway.log.match(/max_connections is reached/g) ?? [];
  assert.ok(lines.length < 100, `${lines.length} lines`);
  clients.forEach(close);
  await until("all have gone", () => upstream.open === 0);
  await until(
    "there is a place again",
    async () => await gateway.ask("").then(() => upstream.accepted > 50),
  );
});

Deno.test("five hundred idle connections are kept, and each still passes bytes on", async () => {
  await using upstream = new Peer(async (connection) => {
    const buffer = new Uint8Array(64);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      await connection.write(buffer.subarray(0, count));
    }
  });
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 500; i++) clients.push(await gateway.connect());
  await until("all have come through", () => upstream.open === 500);
  const buffer = new Uint8Array(64);
  for (const [i, client] of clients.entries()) {
    await client.write(Uint8Array.of(i & 255));
    assert.equal(await client.read(buffer), 1);
    assert.equal(buffer[0], i & 255);
  }
  clients.forEach(close);
  await until("all have gone", () => upstream.open === 0);
  assert.equal((await gateway.outcomes(500)).length, 500);
});

Deno.test("A24: an upstream that ends in the midst of a stream has broken it", async () => {
  // A reset and no end before it, which would be half of a good one.
  const server = createServer((connection) => {
    connection.on("error", () => {});
    connection.write(new Uint8Array(1000), () => {
      connection.once("data", () => connection.resetAndDestroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using _server = {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${port}"`);
  using client = await gateway.connect();
  await client.write(new Uint8Array(100_000));
  let got = 0;
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await client.read(buffer).catch(() => null);
    if (count === null) break;
    got += count;
  }
  assert.ok(got <= 1000);
  assert.deepEqual(await gateway.outcomes(1), ["error"]);
});
