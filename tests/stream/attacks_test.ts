/** Streams under attack: resets in every phase, connections that say nothing, and no descriptors left. */
import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer } from "node:net";
import { until } from "../testing/peer.ts";
import { close, named, StreamGateway } from "../testing/streams.ts";

/** Connects, sends `bytes`, and resets. */
async function resetAfter(port: number, bytes: Uint8Array, waitsForData: boolean): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  if (bytes.length > 0) await new Promise((resolve) => socket.write(bytes, resolve));
  if (waitsForData) {
    // Without a place it is closed.
    await new Promise<void>((resolve) =>
      socket.once("data", () => resolve()).once("close", resolve)
    );
  }
  socket.resetAndDestroy();
}

const HEADER = new TextEncoder().encode("PROXY TCP4 127.0.0.5 127.0.0.1 5000 80\r\n");

Deno.test("resets in every phase give their places back", async () => {
  // Speaks first, so that a client knows when bytes are passed on.
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write("hello");
    socket.resume();
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${port}"
max_connections = 4
downstream_proxy_protocol = "v1"
trusted_proxies = ["127.0.0.0/8"]`,
  );
  const phases: [bytes: Uint8Array, waitsForData: boolean][] = [
    [new Uint8Array(0), false],
    [HEADER.subarray(0, 9), false],
    [HEADER, false],
    [HEADER, true],
  ];
  for (let round = 0; round < 5; round++) {
    for (const [bytes, waits] of phases) await resetAfter(gateway.port, bytes, waits);
  }
  // One that was reset before it was accepted is in no log: that every place is free shows that all are over.
  const held: Deno.TcpConn[] = [];
  await until("every place is free", async () => {
    const client = await gateway.connect();
    const count = await client.write(HEADER)
      .then(() => client.read(new Uint8Array(16)))
      .catch(() => null);
    if (count === 5) held.push(client);
    else close(client);
    return held.length === 4;
  });
  held.forEach(close);
  server.close();
});

Deno.test("an upstream that resets each connection at once costs no place", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${port}"\nmax_connections = 2`,
  );
  for (let i = 1; i <= 20; i++) {
    await gateway.ask("x").catch(() => "");
    await gateway.outcomes(i);
  }
  // The reset may come with the connection, or before the gateway has it.
  for (const outcome of gateway.logged("outcome")) assert.match(outcome, /^(error|connect_error)$/);
  const lines = gateway.log.match(/"WARN".*error of/g) ?? [];
  assert.ok(lines.length < 20, `${lines.length} lines`);
  server.close();
});

Deno.test("without descriptors no member is blamed, and all is served again when there are some", async () => {
  await using a = named("a");
  await using b = named("b");
  await using gateway = await StreamGateway.start(
    `upstreams = ["127.0.0.1:${a.port}", "127.0.0.1:${b.port}"]
max_connections = 0
[stream.routes.load_balance]
health_check.enabled = false
passive_health = { enabled = true, consecutive_failure = 1, ejection_secs = 3600 }`,
    { threads: 1 },
  );
  assert.match(await gateway.ask("x"), /:x$/);
  const { pid } = gateway.gateway.process;
  const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  const limit = async (files: number) => {
    const { success } = await new Deno.Command("prlimit", {
      args: [`--pid=${pid}`, `--nofile=${files}:20000`],
    }).output();
    assert.ok(success);
  };
  await limit(open + 20);
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 60; i++) clients.push(await gateway.connect());
  await gateway.says(/[Tt]oo many open files/);
  clients.forEach(close);
  await limit(4096);
  await until("it serves again", async () => {
    return await gateway.ask("x").then((text) => text.endsWith(":x"), () => false);
  });
  assert.ok(!/is ejected/.test(gateway.log), gateway.log.match(/.*is ejected.*/)?.[0]);
  const found = new Set<string>();
  for (let i = 0; i < 4; i++) found.add(await gateway.ask("x"));
  assert.deepEqual(found, new Set(["a:x", "b:x"]));
});
