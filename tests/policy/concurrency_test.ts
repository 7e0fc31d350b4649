import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { accessRecord } from "../peers/gateway_log.ts";
import { type Build, TestGateway } from "../testing/gateway.ts";
import { accepts, until } from "../testing/peer.ts";
import { RawClient } from "../testing/raw.ts";
import { Upstream } from "../testing/upstream.ts";
import { profile as fragile } from "./fragile.ts";

/** Two workers, or `threads`, in front of an upstream that answers when the test says so. */
function config(upstream: number, concurrency: string, threads = 2): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = ${threads}
[[vhosts]]
name = "shop"
hosts = ["shop.test"]
proxy = { upstream = "127.0.0.1:${upstream}" }
concurrency = { enabled = true, ${concurrency} }
`;
}

/** An upstream whose answers wait for `next`. */
class Held implements AsyncDisposable {
  readonly #waiting: { readonly path: string; readonly response: ServerResponse }[] = [];
  /** Paths in the order they arrived. */
  readonly arrived: string[] = [];
  /** Most that were there at a time. */
  most = 0;

  private constructor(readonly upstream: Upstream) {}

  static async start(): Promise<Held> {
    const held: Held = new Held(
      await Upstream.start((request, response) => {
        held.arrived.push(request.url ?? "");
        held.#waiting.push({ path: request.url ?? "", response });
        held.most = Math.max(held.most, held.#waiting.length);
      }),
    );
    return held;
  }

  /** How many are there now. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Answers the request that has waited longest. */
  next(): void {
    const first = this.#waiting.shift();
    assert.ok(first !== undefined, "nothing waits upstream");
    first.response.end(first.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** A build that logs with which requests a worker has begun. */
const LOGGING: Build = { profile: fragile, entry: "tests/policy/fragile.ts" };

/** Waits until a request for `path` has its permit or its place in the queue. */
async function queued(gateway: TestGateway, path: string): Promise<void> {
  await until(`${path} waits`, () => gateway.process.output.includes(`begun with ${path};`));
}

async function ask(port: number, path: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nhost: shop.test\r\n\r\n`);
  return client;
}

Deno.test("requests beyond the limit wait and are served in the order they came", async () => {
  await using held = await Held.start();
  await using gateway = await TestGateway.start(
    config(held.upstream.port, "max_in_flight = 1, max_queue = 100, queue_timeout_ms = 20000"),
    {},
    LOGGING,
  );
  const clients: RawClient[] = [];
  for (let i = 0; i < 12; i++) {
    clients.push(await ask(gateway.port, `/${i}`));
    // The order is the test's, not that of two workers that wake at once.
    await queued(gateway, `/${i}`);
  }
  for (let i = 0; i < clients.length; i++) {
    await until(`request ${i} arrives`, () => held.arrived.length === i + 1);
    held.next();
    assert.equal((await clients[i].answer())?.body, `/${i}`);
  }
  assert.deepEqual(held.arrived, clients.map((_, i) => `/${i}`));
  for (const client of clients) client[Symbol.dispose]();
});

Deno.test("a request that would wait too long, or find no room, is refused", async () => {
  await using held = await Held.start();
  await using gateway = await TestGateway.start(
    config(held.upstream.port, "max_in_flight = 1, max_queue = 1, queue_timeout_ms = 2000"),
    {},
    LOGGING,
  );
  using first = await ask(gateway.port, "/first");
  await until("the first arrives", () => held.arrived.length === 1);
  using waits = await ask(gateway.port, "/waits");
  await queued(gateway, "/waits");
  using finds = await ask(gateway.port, "/finds-no-room");
  const refusals: string[] = [];
  const [refused, late] = await Promise.all([finds, waits].map(async (client) => {
    const answer = await client.answer();
    refusals.push(client === finds ? "at once" : "in time");
    return answer;
  }));
  assert.deepEqual(refusals, ["at once", "in time"]);
  assert.deepEqual([refused?.status, refused?.body], [503, "too many requests"]);
  assert.equal(late?.status, 503);
  held.next();
  assert.equal((await first.answer())?.status, 200);
  using again = await ask(gateway.port, "/again");
  await until("it arrives", () => held.arrived.length === 2);
  held.next();
  assert.equal((await again.answer())?.body, "/again");
});

Deno.test("a client that leaves the queue makes room and takes no other's place", async () => {
  await using held = await Held.start();
  await using gateway = await TestGateway.start(
    config(held.upstream.port, "max_in_flight = 1, max_queue = 1, queue_timeout_ms = 20000"),
    {},
    LOGGING,
  );
  using first = await ask(gateway.port, "/first");
  await until("the first arrives", () => held.arrived.length === 1);
  const leaves = await ask(gateway.port, "/leaves");
  await queued(gateway, "/leaves");
  leaves[Symbol.dispose]();
  await accessRecord(gateway, "/leaves");
  using stays = await ask(gateway.port, "/stays");
  await queued(gateway, "/stays");
  held.next();
  assert.equal((await first.answer())?.status, 200);
  await until("the second arrives", () => held.arrived.length === 2);
  held.next();
  assert.equal((await stays.answer())?.body, "/stays");
});

Deno.test("permits come back from clients and upstreams that die, all of them and no more", async () => {
  await using held = await Held.start();
  await using gateway = await TestGateway.start(config(held.upstream.port, "max_in_flight = 3"));
  for (let round = 0; round < 3; round++) {
    const clients: RawClient[] = [];
    for (let i = 0; i < 3; i++) clients.push(await arriving(gateway.port, held));
    using refused = await ask(gateway.port, "/one-too-many");
    assert.equal((await refused.answer())?.status, 503);
    if (round === 1) held.upstream.drop();
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("the permits of workers that die come back, all of them and no more", async () => {
  await using held = await Held.start();
  const tables = config(held.upstream.port, "max_in_flight = 4") +
    '[[vhosts]]\nname = "other"\nhosts = ["other.test"]\n';
  await using gateway = await TestGateway.start(tables, {}, LOGGING);
  const fill = async () => {
    const clients: RawClient[] = [];
    for (let i = 0; i < 4; i++) clients.push(await arriving(gateway.port, held));
    using refused = await ask(gateway.port, "/one-too-many");
    assert.equal((await refused.answer())?.status, 503);
    return clients;
  };
  let lost = 0;
  for (let round = 0; round < 3; round++) {
    const clients = await fill();
    await die(gateway.port);
    await until("a worker listens", () => accepts(gateway.port));
    // Those in the other worker are still waiting; they give their permits back by going.
    const answered = otherVhost(gateway.port);
    const closed = clients.map((client) => Promise.race([client.isClosed(), answered]));
    for (const wasClosed of await Promise.all(closed)) if (wasClosed === true) lost++;
    for (const client of clients) client[Symbol.dispose]();
  }
  assert.ok(lost > 0, "no worker that died held a permit");
  for (const client of await fill()) client[Symbol.dispose]();
});

/** Asks a vhost without a limit; what died before has closed its connections when the answer is there. */
async function otherVhost(port: number): Promise<void> {
  using client = await RawClient.connect(port);
  await client.send("GET / HTTP/1.1\r\nhost: other.test\r\n\r\n");
  await client.answer();
}

/** Ends the worker that happens to take this connection; none may be there to take it. */
async function die(port: number): Promise<void> {
  try {
    using client = await RawClient.connect(port);
    await client.send("GET /die HTTP/1.1\r\nhost: other.test\r\n\r\n");
    await client.rest();
  } catch {
    // No listener is open while all workers are dead.
  }
}

Deno.test("an upgraded connection holds its permit until it ends", async () => {
  await using upstream = await Upstream.start((_request, response) => response.end("plain"));
  upstream.server.on("upgrade", (_request, socket) => {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    );
    socket.on("end", () => socket.end());
  });
  const tables = config(upstream.port, "max_in_flight = 1")
    .replace("proxy = {", "proxy = { websocket = true,");
  await using gateway = await TestGateway.start(tables);
  const tunnel = await RawClient.connect(gateway.port);
  await tunnel.send(
    "GET /chat HTTP/1.1\r\nhost: shop.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assert.equal((await tunnel.answer(false))?.status, 101);
  using refused = await ask(gateway.port, "/");
  assert.equal((await refused.answer())?.status, 503);
  tunnel[Symbol.dispose]();
  await until("the permit is back", async () => {
    using client = await ask(gateway.port, "/");
    return (await client.answer())?.status === 200;
  });
});

for (const threads of [1, 2]) {
  const workers = threads === 1 ? "one worker" : "two workers";

  Deno.test(`a reload leaves the queue of ${workers} as it is`, async () => {
    await using held = await Held.start();
    await using gateway = await TestGateway.start(
      config(
        held.upstream.port,
        "max_in_flight = 1, queue_timeout_ms = 20000, max_queue = 20",
        threads,
      ),
      {},
      LOGGING,
    );
    const clients = [await ask(gateway.port, "/0")];
    await until("the first arrives", () => held.arrived.length === 1);
    const join = async () => {
      const path = `/${clients.length}`;
      clients.push(await ask(gateway.port, path));
      await queued(gateway, path);
    };
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) await join();
      await reload(gateway);
    }
    for (let i = 0; i < 4; i++) await join();
    await serveInOrder(held, clients);
    // What has gone through the queue left the count right.
    const paths = ["/a", "/b", "/c"];
    const later = await Promise.all(paths.map((path) => ask(gateway.port, path)));
    for (const path of paths) await queued(gateway, path);
    for (let i = 0; i < later.length; i++) {
      await until("one more arrives", () => held.arrived.length === clients.length + i + 1);
      held.next();
    }
    for (const client of later) assert.equal((await client.answer())?.status, 200);
    assert.equal(held.most, 1);
    for (const client of [...clients, ...later]) client[Symbol.dispose]();
  });

  Deno.test(`a reload that gives ${workers} a shorter queue, or none, keeps the count`, async () => {
    await using held = await Held.start();
    await using gateway = await TestGateway.start(
      config(
        held.upstream.port,
        "max_in_flight = 1, queue_timeout_ms = 20000, max_queue = 200",
        threads,
      ),
      {},
      LOGGING,
    );
    const clients = [await ask(gateway.port, "/0")];
    await until("the first arrives", () => held.arrived.length === 1);
    await reload(gateway, "max_queue = 200", "max_queue = 10");
    clients.push(await ask(gateway.port, "/1"));
    await queued(gateway, "/1");
    await reload(gateway, "queue_timeout_ms = 20000, max_queue = 10", "queue_timeout_ms = 0");
    using refused = await ask(gateway.port, "/refused");
    let status: number | undefined;
    void refused.answer().then((answer) => status = answer?.status);
    await until("one more is refused", () => status === 503);
    await reload(gateway, "queue_timeout_ms = 0", "queue_timeout_ms = 20000, max_queue = 10");
    clients.push(await ask(gateway.port, "/2"));
    await serveInOrder(held, clients);
    assert.equal(held.most, 1);
    for (const client of clients) client[Symbol.dispose]();
  });

  Deno.test(`a reload that raises the limit lets those in at once who wait in ${workers}`, async () => {
    await using held = await Held.start();
    await using gateway = await TestGateway.start(
      config(held.upstream.port, "max_in_flight = 1, queue_timeout_ms = 20000", threads),
      {},
      LOGGING,
    );
    const clients = [await ask(gateway.port, "/0")];
    await until("the first arrives", () => held.arrived.length === 1);
    for (let i = 1; i < 5; i++) {
      clients.push(await ask(gateway.port, `/${i}`));
      await queued(gateway, `/${i}`);
    }
    await reload(gateway, "max_in_flight = 1", "max_in_flight = 3");
    await until("two more arrive", () => held.arrived.length === 3);
    for (const _ of clients) {
      await until("a request is served", () => held.waiting > 0);
      held.next();
    }
    for (const client of clients) assert.equal((await client.answer())?.status, 200);
    assert.equal(held.most, 3);
    for (const client of clients) client[Symbol.dispose]();
  });
}

/** Adds a vhost, so that something changes, and puts `to` in place of `from`; waits until that serves. */
async function reload(gateway: TestGateway, from = "", to = ""): Promise<void> {
  const served = () => gateway.process.output.split("the new configuration serves").length;
  const before = served();
  gateway.rewrite(from, to);
  gateway.rewrite(
    "[[vhosts]]",
    `[[vhosts]]\nname = "v${before}"\nhosts = ["v${before}.test"]\n[[vhosts]]`,
  );
  gateway.process.signal("SIGHUP");
  await until("the reload is done", () => served() > before);
}

/** Answers one request after the other, which must come as their clients did; `/0` has come. */
async function serveInOrder(held: Held, clients: readonly RawClient[]): Promise<void> {
  for (let i = 0; i < clients.length; i++) {
    await until(`request ${i} arrives`, () => held.arrived.length > i);
    assert.equal(held.arrived[i], `/${i}`);
    held.next();
    assert.equal((await clients[i].answer())?.body, `/${i}`);
  }
  assert.equal(held.arrived.length, clients.length);
}

/** A client whose request has reached the upstream, asked again as long as the permits are not back. */
async function arriving(port: number, held: Held): Promise<RawClient> {
  const before = held.arrived.length;
  for (;;) {
    const client = await ask(port, "/arrives");
    let refused = false;
    client.answer().then((answer) => refused = answer?.status === 503);
    await until("it arrives or is refused", () => refused || held.arrived.length > before);
    if (held.arrived.length > before) return client;
    client[Symbol.dispose]();
  }
}
