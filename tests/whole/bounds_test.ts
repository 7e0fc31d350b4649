/** What clients can take of the whole program, and what it does when they take more. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";

const SITE = `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
[server.limits]
max_connections = 8
[web]
root = "{dir}/www"
[proxy]
`;

const FILES = { "www/index.html": "page" };
const GET = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";

/** Opens connections and tells which of them are served. */
async function served(port: number, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  const answered: RawClient[] = [];
  for (const client of clients) {
    // One that was closed fails to send or has no answer.
    await client.send(GET).catch(() => {});
    if ((await client.answer())?.body === "page") answered.push(client);
    else client[Symbol.dispose]();
  }
  return answered;
}

Deno.test("a listener has its connections over all workers, and closes more at once", async () => {
  await using gateway = await TestGateway.start(SITE, FILES);
  const clients: RawClient[] = [];
  const fill = () =>
    until("eight are served", async () => {
      clients.push(...await served(gateway.port, 8 - clients.length));
      return clients.length === 8;
    });
  await fill();
  assert.deepEqual(await served(gateway.port, 12), []);
  // Kept ones go on, and each that ends makes room for one.
  for (const client of clients) await client.send(GET);
  for (const client of clients) assert.equal((await client.answer())?.body, "page");
  for (const client of clients.splice(0, 3)) client[Symbol.dispose]();
  await fill();
  assert.deepEqual(await served(gateway.port, 4), []);
  for (const client of clients) client[Symbol.dispose]();
});

Deno.test("a connection that is reset makes room, too", async () => {
  await using gateway = await TestGateway.start(SITE.replace("= 8", "= 1"), FILES);
  for (let i = 0; i < 5; i++) {
    await until("there is room", async () => {
      const [client] = await served(gateway.port, 1);
      if (client === undefined) return false;
      // With an answer unread, closing resets the connection.
      await client.send(GET.repeat(3));
      client[Symbol.dispose]();
      return true;
    });
  }
});

Deno.test("thousands of connections are counted to the last one, served at once and cheap to keep", async () => {
  const most = 3000;
  await using gateway = await TestGateway.start(SITE.replace("= 8", `= ${most}`), FILES);
  const clients = await served(gateway.port, 1);
  const before = residentMib(gateway.process.pid);
  // In groups: the queue of connections not yet accepted is bounded, too.
  for (let left = most - 1; left > 0; left -= 100) {
    clients.push(...await served(gateway.port, Math.min(left, 100)));
  }
  assert.equal(clients.length, most);
  assert.deepEqual(await served(gateway.port, 100), []);
  const each = (residentMib(gateway.process.pid) - before) * 1024 / most;
  assert.ok(each < 32, `${each} KiB each`);
  await Promise.all(clients.map((client) => client.send(GET)));
  for (const client of clients) assert.equal((await client.answer())?.body, "page");
  for (const client of clients) client[Symbol.dispose]();
  await until("there is room again", async () => {
    const [client] = await served(gateway.port, 1);
    client?.[Symbol.dispose]();
    return client !== undefined;
  });
});

Deno.test("many answers to a client that reads none are held by the sockets, not by the gateway", async () => {
  await using upstream = await Upstream.start((_request, response) => {
    response.on("error", () => {});
    response.end(Buffer.alloc(64 * 1024 * 1024, "x"));
  });
  await using gateway = await TestGateway.start(
    SITE.replace("threads = 2", "threads = 1")
      .replace("[proxy]\n", `[proxy]\nupstream = "127.0.0.1:${upstream.port}"\n`),
    { "www/other": "" },
  );
  await (await fetch(gateway.url("/"))).body?.cancel();
  const before = residentMib(gateway.process.pid);
  const clients = await Promise.all(
    Array.from({ length: 6 }, () => RawClient.connect(gateway.port)),
  );
  for (const client of clients) await client.send(GET);
  await until("all are being answered", () => upstream.seen.length === 7);
  let last = -1;
  await until("nothing moves any more", async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const now = residentMib(gateway.process.pid);
    const settled = now === last;
    last = now;
    return settled;
  });
  for (const client of clients) client[Symbol.dispose]();
  assert.ok(last - before < 60, `${last - before} MiB for six answers of 64 MiB`);
});

/** Resident memory of a process. */
function residentMib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
