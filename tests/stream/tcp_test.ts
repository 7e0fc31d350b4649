/** TCP streams through the whole gateway (spec 01 section 4), with plain peers. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { PACED } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import {
  BlackHole,
  close,
  deadPort,
  named,
  Peer,
  readText,
  StreamGateway,
  writeText,
} from "../testing/streams.ts";

/** As many answers as `count` connections get, one after the other. */
async function answers(gateway: StreamGateway, count: number): Promise<string> {
  let all = "";
  for (let i = 0; i < count; i++) all += (await gateway.ask("")).replace(":", "");
  return all;
}

Deno.test("upstreams take turns by their weights, exactly over all workers", async () => {
  await using a = named("a");
  await using b = named("b");
  await using gateway = await StreamGateway.start(
    `upstreams = ["127.0.0.1:${a.port}", "127.0.0.1:${b.port}"]
upstream_weights = [1, 2]
upstream_aliases = ["first", "second"]`,
  );
  assert.equal(await answers(gateway, 9), "abbabbabb");
  await until("all are logged", () => gateway.logged("upstream").length === 9);
  assert.equal(gateway.logged("upstream").filter((name) => name === "first").length, 3);
});

Deno.test("a backup is used when no other upstream can be connected to, and a drained one never", async () => {
  await using drained = named("drained");
  await using backup = named("backup");
  const dead = deadPort();
  await using gateway = await StreamGateway.start(
    `upstreams = ["127.0.0.1:${drained.port}", "127.0.0.1:${backup.port}", "127.0.0.1:${dead}"]
backup_upstreams = ["127.0.0.1:${backup.port}"]
drain_upstreams = ["127.0.0.1:${drained.port}"]`,
  );
  assert.equal(await gateway.ask("x"), "backup:x");
  assert.equal(await gateway.ask("y"), "backup:y");
  assert.equal(drained.accepted, 0);
  await gateway.says(/test: 127\.0\.0\.1:\d+: refused/);
});

Deno.test("with no upstream there the connection is closed as a connect error", async () => {
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${deadPort()}"`);
  assert.equal(await gateway.ask("x").catch(() => ""), "");
  assert.deepEqual(await gateway.outcomes(1), ["connect_error"]);
});

Deno.test("an end in one direction is passed on and the other direction goes on", async () => {
  await using upstream = new Peer(async (connection) => {
    await writeText(connection, "first");
    await connection.closeWrite();
    assert.equal(await readText(connection), "last");
  });
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using client = await gateway.connect();
  assert.equal(await readText(client), "first");
  await writeText(client, "last");
  await client.closeWrite();
  assert.deepEqual(await gateway.outcomes(1), ["completed"]);
  assert.deepEqual(gateway.logged("sent"), ["4"]);
  assert.deepEqual(gateway.logged("received"), ["5"]);
});

Deno.test("A23: data and end that come before the upstream is connected reach the second candidate", async () => {
  await using good = named("good");
  await using hole = await BlackHole.open();
  for (const text of ["x", ""]) {
    await using gateway = await StreamGateway.start(
      `upstreams = ["127.0.0.1:${hole.port}", "127.0.0.1:${good.port}"]
connect_timeout_secs = 2
max_connections = 1`,
      { build: PACED },
    );
    assert.equal(await gateway.ask(text), `good:${text}`);
    await until("its place is free", async () => await gateway.ask("").catch(() => "") === "good:");
  }
});

Deno.test("A23: a client that resets during the dial ends it, and no other candidate is tried", async () => {
  await using second = named("second");
  await using hole = await BlackHole.open();
  await using gateway = await StreamGateway.start(
    `upstreams = ["127.0.0.1:${hole.port}", "127.0.0.1:${second.port}"]
connect_timeout_secs = 3600`,
    { threads: 1 },
  );
  for (const early of ["", "x"]) {
    const client = connect(gateway.port, "127.0.0.1");
    client.on("error", () => {});
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    if (early !== "") await new Promise<void>((resolve) => client.write(early, () => resolve()));
    // One worker accepts in order: when the turn of the second one has been served, the first is dialling.
    assert.equal(await gateway.ask("y"), "second:y");
    client.resetAndDestroy();
  }
  const outcomes = await gateway.outcomes(4);
  assert.deepEqual([...outcomes].sort(), ["completed", "completed", "error", "error"]);
  assert.equal(second.accepted, 2);
});

Deno.test("more than max_connections are closed at once, over all workers, and places come back", async () => {
  await using upstream = new Peer(async (connection) => void await readText(connection));
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"
max_connections = 3`,
  );
  const clients = [];
  for (let i = 0; i < 3; i++) clients.push(await gateway.connect());
  await until("all have come through", () => upstream.open === 3);
  for (let i = 0; i < 5; i++) {
    using one = await gateway.connect();
    assert.equal(await one.read(new Uint8Array(1)).catch(() => null), null);
  }
  assert.equal(upstream.accepted, 3);
  clients.forEach(close);
  await until("all have gone", () => upstream.open === 0);
  await until("a place is free", async () => {
    using one = await gateway.connect();
    await one.closeWrite();
    await one.read(new Uint8Array(1)).catch(() => null);
    return upstream.accepted > 3;
  });
  await gateway.says(/max_connections is reached/);
});

Deno.test("silence, lifetime and bytes are bounded", async () => {
  await using echo = new Peer(async (connection) => {
    const buffer = new Uint8Array(1024);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      await connection.write(buffer.subarray(0, count));
    }
  });
  const upstream = `upstream = "127.0.0.1:${echo.port}"`;
  {
    await using gateway = await StreamGateway.start(`${upstream}\nidle_timeout_secs = 3`, {
      build: PACED,
    });
    using client = await gateway.connect();
    assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
    await until("it is over", () => gateway.logged("outcome").length === 1);
    assert.deepEqual(gateway.logged("outcome"), ["timeout"]);
  }
  {
    await using gateway = await StreamGateway.start(`${upstream}\nmax_connection_secs = 5`, {
      build: PACED,
    });
    using client = await gateway.connect();
    const buffer = new Uint8Array(16);
    try {
      do await client.write(new Uint8Array(1)); while (await client.read(buffer) !== null);
    } catch {
      // Closed in the midst of a write.
    }
    await until("it is over", () => gateway.logged("outcome").length === 1);
    assert.deepEqual(gateway.logged("outcome"), ["timeout"]);
  }
  {
    await using gateway = await StreamGateway.start(`${upstream}\nmax_connection_bytes = 10`);
    assert.equal(await gateway.ask("0123456789"), "0123456789");
    // The lines of two workers have no order.
    await until("the first is over", () => gateway.logged("outcome").length === 1);
    assert.equal(await gateway.ask("0123456789a").catch(() => ""), "");
    await until("both are over", () => gateway.logged("outcome").length === 2);
    assert.deepEqual(gateway.logged("outcome"), ["completed", "error"]);
  }
});

Deno.test("A27: an IPv4 client of an IPv6 listener is the IPv4 address that lists name", async () => {
  await using upstream = named("up");
  const port = upstream.port;
  await using denied = await StreamGateway.start(
    `upstream = "127.0.0.1:${port}"\ndeny_sources = ["127.0.0.1"]`,
    { host: "[::]" },
  );
  assert.equal(await denied.ask("x").catch(() => ""), "");
  assert.equal(upstream.accepted, 0);
  await using introduced = await StreamGateway.start(
    `upstream = "127.0.0.1:${port}"\nallow_sources = ["127.0.0.0/8"]
upstream_proxy_protocol = "v1"`,
    { host: "[::]" },
  );
  assert.match(
    await introduced.ask("x"),
    new RegExp(`^up:PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${introduced.port}\r\nx$`),
  );
});

Deno.test("a name may not lead to this machine unless that is allowed", async () => {
  await using upstream = named("local");
  const route = `upstream = "localhost:${upstream.port}"`;
  await using guarded = await StreamGateway.start(route);
  assert.equal(await guarded.ask("x").catch(() => ""), "");
  assert.equal(upstream.accepted, 0);
  await until("it is logged", () => guarded.logged("outcome").length === 1);
  await guarded.says(/restricted/);
  await using open = await StreamGateway.start(
    `${route}\nupstream_dns_allow_private_addresses = true`,
  );
  assert.equal(await open.ask("x"), "local:x");
});

Deno.test("A24: an upstream that resets is an error, and what it sent before arrives", async () => {
  const size = 65_536;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.resetAndDestroy());
    socket.write(new Uint8Array(size));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${port}"`);
  using client = await gateway.connect();
  let got = 0;
  const buffer = new Uint8Array(size);
  while (got < size) got += await client.read(buffer) ?? assert.fail("it ended too soon");
  await client.write(new Uint8Array(1));
  assert.deepEqual(await gateway.outcomes(1), ["error"]);
  server.close();
});

Deno.test("A25: a client that does not read makes the upstream wait, and the gateway keeps little", async () => {
  let offered = 0;
  await using upstream = new Peer(async (connection) => {
    const piece = new Uint8Array(65_536);
    for (;;) offered += await connection.write(piece);
  });
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"\nidle_timeout_secs = 60`,
    { build: PACED, threads: 1 },
  );
  const memory = () =>
    Number(
      /VmRSS:\s+(\d+)/.exec(
        Deno.readTextFileSync(`/proc/${gateway.gateway.process.pid}/status`),
      )?.[1],
    );
  const before = memory();
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 20; i++) clients.push(await gateway.connect());
  await until("all sends are blocked, and ended for it", () => {
    return gateway.logged("outcome").length === 20;
  });
  assert.deepEqual(new Set(gateway.logged("outcome")), new Set(["timeout"]));
  assert.ok(offered > 0);
  // 20 directions of at most 64 KiB each; what is more belongs to the runtime.
  assert.ok(memory() - before < 20 * 1024, `grew by ${memory() - before} KiB`);
  clients.forEach(close);
});

Deno.test("a stream goes on over a reload, and over one that needs other workers", async () => {
  await using echo = new Peer(async (connection) => {
    const buffer = new Uint8Array(1024);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      await connection.write(buffer.subarray(0, count));
    }
  });
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${echo.port}"`, {
    more: `[[vhosts]]\nname = "one"\nhosts = ["one.test"]\n`,
  });
  using client = await gateway.connect();
  const buffer = new Uint8Array(16);
  const works = async () => {
    await client.write(new Uint8Array(3));
    assert.equal(await client.read(buffer), 3);
  };
  await works();
  const reloads = () => gateway.log.match(/reload/g)?.length ?? 0;
  const before = reloads();
  gateway.gateway.rewrite(`hosts = ["one.test"]`, `hosts = ["two.test"]`);
  gateway.gateway.process.signal("SIGHUP");
  await until("it is reloaded", () => reloads() > before);
  await works();
  assert.equal(await gateway.connect().then((one) => (close(one), "open")), "open");
});

Deno.test("a stream may end within the drain; what is left is cut as shutdown", async () => {
  await using upstream = new Peer(async (connection) => void await readText(connection));
  await using gateway = await StreamGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using client = await gateway.connect();
  await until("it has come through", () => upstream.open === 1);
  const status = await gateway.gateway.process.stop();
  assert.equal(status.code, 0);
  assert.equal(await client.read(new Uint8Array(1)).catch(() => null), null);
  assert.deepEqual(gateway.logged("outcome"), ["shutdown"]);
});
