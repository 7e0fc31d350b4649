import assert from "node:assert/strict";
import { GENERATIONS } from "./threads/zone_plan.ts";
import { TestAuthority } from "../net/testing/certificates.ts";
import { TlsClient } from "../net/testing/tls_client.ts";
import { VERSION } from "../gateway/exchange/version.ts";
import { Keeper } from "./keeper.ts";
import { StartError } from "./start.ts";
import { get, startGateway, TestClient, testConfig, until } from "./testing/keeper.ts";
import type { ProbeTable } from "./testing/probe_module.ts";
import { probeProfile } from "./testing/probe_profile.ts";
import { newDirectory } from "../config/testing/files.ts";

/** Two connections that different workers serve, and which ones. */
async function oneOfEach(address: string): Promise<Map<string, TestClient>> {
  const clients = new Map<string, TestClient>();
  await until(async () => {
    const client = await TestClient.connect(address);
    const worker = await client.get("/worker");
    if (clients.has(worker)) client[Symbol.dispose]();
    else clients.set(worker, client);
    return clients.size === 2;
  });
  return clients;
}

function startFailure(config: Parameters<typeof testConfig>[0]): Promise<StartError> {
  return Keeper.start({
    profile: probeProfile,
    load: () => Promise.resolve({ config: testConfig(config), problems: [] }),
    configSource: undefined,
  }).then(
    () => assert.fail("it started"),
    (error) => error instanceof StartError ? error : assert.fail(error),
  );
}

Deno.test("a gateway serves as soon as it has started, with all its workers", async () => {
  await using gateway = await startGateway();
  assert.equal(await get(gateway.address, "/"), "hello");
  const clients = await oneOfEach(gateway.address);
  assert.deepEqual([...clients.keys()].sort(), ["0", "1"]);
  for (const client of clients.values()) client[Symbol.dispose]();
});

Deno.test("shared tables are exact across workers", async () => {
  await using gateway = await startGateway();
  const clients = await oneOfEach(gateway.address);
  const each = 500;
  const seen = await Promise.all([...clients.values()].map(async (client) => {
    const counts: number[] = [];
    for (let i = 0; i < each; i++) counts.push(Number(await client.get("/count")));
    client[Symbol.dispose]();
    return counts;
  }));
  const all = new Set(seen.flat());
  assert.equal(all.size, 2 * each, "no count was given twice");
  assert.equal(Math.max(...all), 2 * each);
});

Deno.test("a reload changes what kept-alive connections get with their next request", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  using client = await TestClient.connect(gateway.address);
  assert.equal(await client.get("/"), "old");
  gateway.configure({ probe: { greeting: "new" } });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  assert.equal(await client.get("/"), "new");
});

Deno.test("a request in flight finishes on the snapshot it began with", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  using client = await TestClient.connect(gateway.address);
  await client.send("/held");
  await until(async () => await get(gateway.address, "/held-count") === "1");
  gateway.configure({ probe: { greeting: "new" } });
  await gateway.keeper.reload();
  assert.equal(await get(gateway.address, "/release"), "new");
  assert.equal((await client.receive()).body, "old");
});

Deno.test("a reload of the same configuration does nothing", async () => {
  await using gateway = await startGateway();
  assert.deepEqual(await gateway.keeper.reload(), { kind: "noop" });
});

Deno.test("when one worker cannot build a snapshot, none serves by it", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  const clients = await oneOfEach(gateway.address);
  gateway.configure({ probe: { greeting: "new", failFrom: 1 } });
  const outcome = await gateway.keeper.reload();
  assert.equal(outcome.kind, "failed");
  assert.match(outcome.kind === "failed" ? outcome.reason : "", /told to fail/);
  for (const client of clients.values()) {
    assert.equal(await client.get("/"), "old");
    client[Symbol.dispose]();
  }
});

Deno.test("a worker keeps the object it has for a shared table", async () => {
  await using gateway = await startGateway({ probe: { greeting: "first" } });
  const clients = await oneOfEach(gateway.address);
  const load = async (probe: ProbeTable) => {
    gateway.configure({ probe });
    return (await gateway.keeper.reload()).kind;
  };
  assert.equal(await load({ greeting: "second" }), "applied");
  // Worker 0 sees a table of another size, which is taken back.
  assert.equal(await load({ greeting: "third", spareCells: 1, failFrom: 1 }), "failed");
  assert.equal(await load({ greeting: "fourth" }), "applied");
  assert.equal(await clients.get("0")?.get("/zones-seen"), "2");
  assert.equal(await clients.get("1")?.get("/zones-seen"), "1");
  for (const client of clients.values()) client[Symbol.dispose]();
});

Deno.test("settings of shared memory are applied with every configuration that is adopted, and with no refused one", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  gateway.configure({ probe: { greeting: "new", failFrom: 1 } });
  await gateway.keeper.reload();
  assert.equal(await get(gateway.address, "/adopted"), "1");
  gateway.configure({ probe: { greeting: "new" } });
  await gateway.keeper.reload();
  assert.equal(await get(gateway.address, "/adopted"), "2");
});

Deno.test("a reload that follows a refused one is compared with what serves", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  gateway.configure({ probe: { greeting: "new", failFrom: 1 } });
  await gateway.keeper.reload();
  gateway.configure({ probe: { greeting: "old" } });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "noop" });
});

Deno.test("a change of listeners is refused as a process upgrade", async () => {
  await using gateway = await startGateway();
  gateway.configure({ listen: ["127.0.0.1:0", "[::1]:0"] });
  assert.deepEqual(await gateway.keeper.reload(), {
    kind: "process-upgrade",
    reasons: ["listener-changed"],
    problems: [],
  });
  assert.equal(await get(gateway.address, "/"), "hello");
});

Deno.test("a reload that needs other permissions starts new workers and drains the old", async () => {
  using upstream = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${upstream.addr.port}`;
  const dial = `/try?what=dial&value=${address}`;
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  assert.match(await get(gateway.address, dial), /^refused: NotCapable/);
  using client = await TestClient.connect(gateway.address);
  await client.send("/held");
  await until(async () => await get(gateway.address, "/held-count") === "1");
  gateway.configure({ probe: { greeting: "new", upstream: address } });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  assert.equal(await get(gateway.address, dial), "done: undefined");
  assert.equal(await get(gateway.address, "/release"), "new");
  const last = await client.receive();
  assert.equal(last.body, "old");
  assert.match(last.head, /^connection: close/im);
  assert.ok(await client.closed());
});

Deno.test("a request outlives as many exchanges of workers as there are generations, and no more", async () => {
  await using gateway = await startGateway({ process: { threads: 1 } });
  using client = await TestClient.connect(gateway.address);
  await client.send("/held");
  await until(async () => await get(gateway.address, "/held-count") === "1");
  const clients = new DisposableStack();
  const exchange = async (port: number) => {
    gateway.configure({ process: { threads: 1 }, probe: { upstream: `127.0.0.1:${port}` } });
    assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
    const other = clients.use(await TestClient.connect(gateway.address));
    await other.send("/held");
    await until(async () => await get(gateway.address, "/held-count") === `${port + 1}`);
    return other;
  };
  const second = await exchange(1);
  for (let port = 2; port < GENERATIONS; port++) await exchange(port);
  // The oldest goes for one more; the next oldest stays.
  await exchange(GENERATIONS);
  assert.ok(await client.closed());
  await get(gateway.address, "/release");
  assert.equal((await second.receive()).body, "hello");
  clients.dispose();
});

Deno.test("two generations of workers in a row take each other's place", async () => {
  await using gateway = await startGateway();
  for (const port of [1, 2, 3]) {
    gateway.configure({ probe: { greeting: `${port}`, upstream: `127.0.0.1:${port}` } });
    assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
    await until(async () => await get(gateway.address, "/") === `${port}`);
  }
});

Deno.test("a reload shows new certificates on listeners that stay open", async () => {
  const authority = new TestAuthority();
  const [before, after] = ["old.test", "new.test"].map((name) => authority.issue({ name }));
  const tls = { listen: [], tlsListen: ["127.0.0.1:0"] };
  await using gateway = await startGateway({
    ...tls,
    probe: { cert: before.cert, key: before.key },
  });
  const port = Number(gateway.address.split(":")[1]);
  await using kept = await TlsClient.connect(port);
  assert.equal(kept.shown, "old.test");
  gateway.configure({ ...tls, probe: { cert: after.cert, key: after.key } });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  await using fresh = await TlsClient.connect(port);
  assert.equal(fresh.shown, "new.test");
  for (const client of [kept, fresh]) {
    client.write("GET / HTTP/1.1\r\nhost: test.local\r\n\r\n");
    assert.match(await client.read() ?? "", /^HTTP\/1\.1 200 /);
  }
});

Deno.test("a worker that dies is replaced while the other one serves on", async () => {
  await using gateway = await startGateway();
  const clients = await oneOfEach(gateway.address);
  using victim = clients.get("0")!;
  using witness = clients.get("1")!;
  await victim.send("/throw");
  assert.ok(await victim.closed());
  assert.equal(await witness.get("/"), "hello");
  const again = await oneOfEach(gateway.address);
  for (const client of again.values()) client[Symbol.dispose]();
  assert.equal(await witness.get("/"), "hello");
});

Deno.test("an unhandled rejection of one connection is logged, and costs no other", async () => {
  await using cleanup = new AsyncDisposableStack();
  const folder = newDirectory();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const logFile = `${folder}/f.log`;
  await using gateway = await startGateway({ process: { threads: 1 }, level: "error", logFile });
  using witness = await TestClient.connect(gateway.address);
  using culprit = await TestClient.connect(gateway.address);
  assert.equal(await witness.get("/"), "hello");
  assert.equal(await culprit.get("/forget"), "not dead");
  assert.equal(await witness.get("/"), "hello");
  const told = "fault: unhandled rejection: BodyError";
  await until(async () => (await Deno.readTextFile(logFile)).includes(told));
});

Deno.test("the log begins with what runs here", async () => {
  await using cleanup = new AsyncDisposableStack();
  const folder = newDirectory();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const logFile = `${folder}/f.log`;
  await using _gateway = await startGateway({ process: { threads: 2 }, level: "info", logFile });
  const line =
    `fluxheim ${VERSION}, profile probe: 1 vhost, 0 routes, 1 listener, 2 workers; services: none`;
  await until(async () => (await Deno.readTextFile(logFile)).includes(line));
});

Deno.test("the connections of a worker that dies no longer count as open", async () => {
  const most = 3;
  await using gateway = await startGateway({ process: { threads: 1 }, maxConnections: most });
  const { address } = gateway;
  // All that may be in are in, and no others.
  const crowd = async (clients: TestClient[]) => {
    while (clients.length < most) clients.push(await TestClient.connect(address));
    for (const client of clients) assert.equal(await client.get("/"), "hello");
    using over = await TestClient.connect(address);
    assert.ok(await over.closed());
    return clients;
  };
  const victims = await crowd([]);
  await victims[0].send("/throw");
  for (const client of victims) {
    assert.ok(await client.closed());
    client[Symbol.dispose]();
  }
  let first: TestClient | undefined;
  await until(async () => {
    first = await TestClient.connect(address).catch(() => undefined);
    return await first?.get("/").catch(() => undefined) === "hello";
  });
  assert.ok(first);
  for (const client of await crowd([first])) client[Symbol.dispose]();
});

Deno.test("a worker that was replaced serves by the latest snapshot", async () => {
  await using gateway = await startGateway({ probe: { greeting: "old" } });
  gateway.configure({ probe: { greeting: "new" } });
  await gateway.keeper.reload();
  const clients = await oneOfEach(gateway.address);
  using victim = clients.get("0")!;
  clients.get("1")![Symbol.dispose]();
  await victim.send("/throw");
  assert.ok(await victim.closed());
  const again = await oneOfEach(gateway.address);
  for (const client of again.values()) {
    assert.equal(await client.get("/"), "new");
    client[Symbol.dispose]();
  }
});

Deno.test("counters are summed over all workers, and what a lost worker has counted stays", async () => {
  await using gateway = await startGateway({ metrics: true, probe: { greeting: "hi" } });
  const tallied = () => {
    const found = gateway.keeper.series().find(({ name }) => name === "probe_tallied_total");
    return found && { name: found.name, labels: found.labels, value: found.value };
  };
  const tallyTwice = async () => {
    const clients = await oneOfEach(gateway.address);
    for (const client of clients.values()) await client.get("/tally");
    return clients;
  };
  const clients = await tallyTwice();
  const expected = { name: "probe_tallied_total", labels: { greeting: "hi" } };
  assert.deepEqual(tallied(), { ...expected, value: 2 });
  using victim = clients.get("0")!;
  using _witness = clients.get("1")!;
  await victim.get("/tally");
  await victim.send("/throw");
  assert.ok(await victim.closed());
  for (const client of (await tallyTwice()).values()) client[Symbol.dispose]();
  assert.deepEqual(tallied(), { ...expected, value: 5 });
});

Deno.test("a stop closes idle connections, lets busy ones finish, and ends with status 0", async () => {
  await using gateway = await startGateway();
  const [[hostname, port]] = [gateway.address.split(":")];
  using idle = await TestClient.connect(gateway.address);
  await idle.get("/");
  using busy = await TestClient.connect(gateway.address);
  await busy.send("/slow?300");
  await get(gateway.address, "/");
  const stopped = gateway.keeper.stop("test");
  assert.ok(await idle.closed());
  await until(() =>
    Deno.connect({ hostname, port: Number(port) }).then((c) => (c.close(), false), () => true)
  );
  assert.equal((await busy.receive()).body, "hello");
  await stopped;
  assert.equal(await gateway.keeper.finished, 0);
});

Deno.test("what does not finish in the drain time is cut", async () => {
  await using gateway = await startGateway({
    process: { graceful_shutdown_timeout_seconds: 1 },
    pace: { keeper: 10 },
  });
  using busy = await TestClient.connect(gateway.address);
  await busy.send("/slow?60000");
  await get(gateway.address, "/");
  await gateway.keeper.stop("test");
  assert.ok(await busy.closed());
  assert.equal(await gateway.keeper.finished, 0);
});

Deno.test("a gateway serves on during its grace period", async () => {
  await using gateway = await startGateway({
    process: { grace_period_seconds: 2 },
    pace: { keeper: 10 },
  });
  using client = await TestClient.connect(gateway.address);
  const began = performance.now();
  const stopped = gateway.keeper.stop("test");
  await until(() => client.get("/").then(() => false, () => true));
  assert.ok(performance.now() - began >= 200);
  await stopped;
});

Deno.test("a port that is taken is reported by its key", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { problems } = await startFailure({
    listen: ["127.0.0.1:0", `127.0.0.1:${other.addr.port}`],
  });
  assert.deepEqual(problems.map(({ key }) => key), ["server.listen[1]"]);
  assert.match(problems[0].message, /^cannot listen on 127\.0\.0\.1:\d+: /);
});

Deno.test("a second gateway on the same port is noticed although workers share ports", async () => {
  await using gateway = await startGateway();
  const { problems } = await startFailure({ listen: [gateway.address] });
  assert.deepEqual(problems.map(({ key }) => key), ["server.listen[0]"]);
});

Deno.test("a gateway whose workers cannot build the configuration does not start", async () => {
  const { problems } = await startFailure({ probe: { failFrom: 0 } });
  assert.match(problems[0].message, /told to fail/);
});

Deno.test("detaching is refused", async () => {
  const { problems } = await startFailure({ process: { daemon: true } });
  assert.deepEqual(problems.map(({ key }) => key), ["server.process.daemon"]);
});

Deno.test("the pid file is there while the gateway runs", async () => {
  const directory = newDirectory();
  const path = `${directory}/fluxheim.pid`;
  {
    await using _gateway = await startGateway({ process: { pid_file: path } });
    assert.equal(await Deno.readTextFile(path), `${Deno.pid}\n`);
  }
  assert.deepEqual([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory);
});
