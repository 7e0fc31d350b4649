/** Pools of stream routes: selections, health checks, ejection and places by the load balancer. */
import assert from "node:assert/strict";
import { freePort, until } from "../testing/peer.ts";
import { close, deadPort, named, Peer, readText, StreamGateway } from "../testing/streams.ts";

/** Peers that answer with their names, and their addresses as `upstreams` has them. */
function peers(...names: string[]) {
  const found = names.map((name) => named(name));
  const entries = found.map(({ port }) => `"127.0.0.1:${port}"`);
  return {
    found,
    entries,
    upstreams: `upstreams = [${entries.join(", ")}]`,
    async [Symbol.asyncDispose]() {
      for (const peer of found) await peer[Symbol.asyncDispose]();
    },
  };
}

/** A route with that table; probes are off unless it says so. */
function balanced(keys: string, table: string): string {
  const health = table.includes("health_check") ? "" : "health_check.enabled = false\n";
  return `${keys}\n[stream.routes.load_balance]\n${health}${table}`;
}

async function answers(gateway: StreamGateway, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i++) found.push(await gateway.ask("x"));
  return found;
}

Deno.test("members of a pool take turns by weight, exactly over all workers", async () => {
  await using members = peers("a", "b");
  await using gateway = await StreamGateway.start(
    balanced(`${members.upstreams}\nupstream_weights = [1, 3]`, ""),
  );
  const found = await answers(gateway, 8);
  assert.equal(found.filter((text) => text === "a:x").length, 2);
  assert.equal(found.filter((text) => text === "b:x").length, 6);
});

Deno.test("least-connections goes where fewest connections are open, until they end", async () => {
  await using members = peers("a", "b");
  await using gateway = await StreamGateway.start(
    balanced(members.upstreams, 'selection = "least-connections"'),
  );
  const [a, b] = members.found;
  const held: Deno.TcpConn[] = [];
  for (let i = 1; i <= 6; i++) {
    held.push(await gateway.connect());
    await until("a member has it", () => a.open + b.open === i);
  }
  assert.deepEqual([a.open, b.open], [3, 3]);
  held.forEach(close);
  await until("they are over", () => a.open + b.open === 0);
});

for (
  const selection of [
    "source-hash",
    "consistent-source-hash",
    "bounded-load-consistent-source-hash",
    "maglev-source-hash",
    "nginx-consistent-source-hash",
  ]
) {
  Deno.test(`${selection} keeps a client with its member`, async () => {
    await using members = peers("a", "b", "c");
    await using gateway = await StreamGateway.start(
      balanced(members.upstreams, `selection = "${selection}"`),
    );
    assert.equal(new Set(await answers(gateway, 6)).size, 1);
  });
}

for (const selection of ["least-time", "power-of-two"]) {
  Deno.test(`${selection} serves every connection`, async () => {
    await using members = peers("a", "b");
    await using gateway = await StreamGateway.start(
      balanced(members.upstreams, `selection = "${selection}"`),
    );
    for (const text of await answers(gateway, 6)) assert.match(text, /^[ab]:x$/);
  });
}

Deno.test("a member that its probes find down gets no connection, and gets them again", async () => {
  await using members = peers("a");
  const port = deadPort();
  await using gateway = await StreamGateway.start(balanced(
    `upstreams = [${members.entries[0]}, "127.0.0.1:${port}"]`,
    'health_check.protocol = "tcp"',
  ));
  await gateway.says(new RegExp(`127\\.0\\.0\\.1:${port} of pool stream:test`));
  const before = gateway.log.split("refused").length;
  for (const text of await answers(gateway, 4)) assert.equal(text, "a:x");
  // It was not even tried.
  assert.equal(gateway.log.split("test: 127.0.0.1").length, 1, gateway.log.slice(before));
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  const serving = (async () => {
    for await (const connection of listener) {
      await readText(connection).then(
        () => connection.write(new TextEncoder().encode("back")),
        () => {},
      ).catch(() => {});
      close(connection);
    }
  })();
  await until("it is back", async () => await gateway.ask("x") === "back");
  listener.close();
  await serving;
});

Deno.test("a member that cannot be connected to is ejected, and the others serve", async () => {
  await using members = peers("a");
  const port = deadPort();
  await using gateway = await StreamGateway.start(balanced(
    `upstreams = [${members.entries[0]}, "127.0.0.1:${port}"]\nupstream_aliases = ["good", "dead"]`,
    "passive_health.enabled = true\npassive_health.consecutive_failure = 2\npassive_health.ejection_secs = 3600",
  ));
  for (const text of await answers(gateway, 8)) assert.equal(text, "a:x");
  await gateway.says(/\(dead\) of pool stream:test is ejected/);
});

Deno.test("backups serve where no primary does, and drained members never", async () => {
  await using members = peers("backup", "drained");
  const dead = `"127.0.0.1:${deadPort()}"`;
  const [backup, drained] = members.entries;
  await using gateway = await StreamGateway.start(balanced(
    `upstreams = [${dead}, ${backup}, ${drained}]
backup_upstreams = [${backup}]
drain_upstreams = [${drained}]`,
    "",
  ));
  for (const text of await answers(gateway, 3)) assert.equal(text, "backup:x");
});

Deno.test("an upstream that resets its connections fails, a client that does so does not", async () => {
  await using members = peers("a");
  await using breaking = new Peer(async (connection) => {
    // With bytes unread it is a reset.
    await connection.read(new Uint8Array(1));
  });
  await using gateway = await StreamGateway.start(balanced(
    `upstreams = [${
      members.entries[0]
    }, "127.0.0.1:${breaking.port}"]\nupstream_aliases = ["good", "bad"]`,
    "passive_health.enabled = true\npassive_health.consecutive_failure = 1\npassive_health.ejection_secs = 3600",
  ));
  await until("it is ejected", async () => {
    using client = await gateway.connect();
    await client.write(new Uint8Array(100_000)).catch(() => {});
    await client.closeWrite().catch(() => {});
    await readText(client).catch(() => {});
    return /\(bad\) of pool stream:test is ejected/.test(gateway.log);
  });
  assert.ok(!/\(good\) of pool stream:test is ejected/.test(gateway.log));
});

Deno.test("operators see the pool as stream:NAME, and drain a member of it", async () => {
  await using members = peers("a", "b");
  const port = freePort();
  const token = "0123456789abcdef0123456789abcdef";
  await using gateway = await StreamGateway.start(
    balanced(`${members.upstreams}\nupstream_aliases = ["one", "two"]`, ""),
    {
      more: `[admin]
enabled = true
listen = "127.0.0.1:${port}"
token_file = "{dir}/token"
snapshot_store = "{dir}/store"
`,
      files: { token: `${token}\n` },
    },
  );
  await gateway.says(/the service control runs/);
  const api = async (method: string, path: string) => {
    const url = `http://127.0.0.1:${port}/_fluxheim/load-balancer/${path}`;
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } });
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    return body;
  };
  const [{ name, pool }] = (await api("GET", "status")).load_balancer.vhosts;
  assert.equal(name, "stream:test");
  assert.equal(pool.available_backend_count, 2);
  await api("POST", "member-state?vhost=stream:test&member=one&state=drain");
  for (const text of await answers(gateway, 6)) assert.equal(text, "b:x");
});

Deno.test("where every member is down by its probes the connection ends, and says so", async () => {
  const [one, two] = [deadPort(), deadPort()];
  await using gateway = await StreamGateway.start(balanced(
    `upstreams = ["127.0.0.1:${one}", "127.0.0.1:${two}"]`,
    'health_check.protocol = "tcp"',
  ));
  for (const port of [one, two]) {
    await gateway.says(new RegExp(`127\\.0\\.0\\.1:${port} of pool stream:test`));
  }
  await until("no member is asked", async () => {
    await gateway.ask("x").catch(() => "");
    return /no upstream: none is available/.test(gateway.log);
  });
});
