import assert from "node:assert/strict";
import { newDirectory } from "../../config/testing/files.ts";
import { UnixClient } from "../../net/testing/unix_client.ts";
import { Keeper } from "../keeper.ts";
import { StartError } from "../start.ts";
import { get, startGateway, testConfig, until } from "../testing/keeper.ts";
import { probeProfile } from "../testing/probe_profile.ts";

/** A path for a socket in a directory that is gone when the test is. */
class SocketPath implements Disposable {
  readonly #directory = newDirectory();
  readonly path = `${this.#directory}/app.sock`;

  [Symbol.dispose](): void {
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** The body of the answer to one request, over a connection of its own. */
async function ask(path: string, target: string): Promise<string> {
  using client = await UnixClient.connect(path);
  await client.send(`GET ${target} HTTP/1.1\r\nhost: test.local\r\nconnection: close\r\n\r\n`);
  const answer = await client.rest();
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no answer: ${answer}`);
  return answer.slice(end + 4);
}

Deno.test("one worker serves a socket, and the next one takes over when it dies", async () => {
  using socket = new SocketPath();
  const { path } = socket;
  await using gateway = await startGateway({ listen: ["127.0.0.1:0", `unix:${path}`] });
  for (let i = 0; i < 4; i++) assert.equal(await ask(path, "/worker"), "0");
  using victim = await UnixClient.connect(path);
  await victim.send("GET /throw HTTP/1.1\r\nhost: test.local\r\n\r\n");
  await victim.rest();
  await until(async () => await ask(path, "/worker").catch(() => "") === "1");
  await until(async () => await get(gateway.address, "/worker") === "0");
  assert.equal(await ask(path, "/worker"), "1");
});

Deno.test("a socket of a single worker is served again by its replacement", async () => {
  using socket = new SocketPath();
  const { path } = socket;
  const process = { threads: 1 };
  await using _gateway = await startGateway({ process, listen: [`unix:${path}`] });
  using victim = await UnixClient.connect(path);
  await victim.send("GET /throw HTTP/1.1\r\nhost: test.local\r\n\r\n");
  await victim.rest();
  await until(async () => await ask(path, "/").catch(() => "") === "hello");
});

Deno.test("an exchange of workers refuses no connection of a socket", async () => {
  using socket = new SocketPath();
  const { path } = socket;
  const listen = [`unix:${path}`];
  await using gateway = await startGateway({ listen });
  const failures: unknown[] = [];
  const workers = new Set<string>();
  let isAsking = true;
  const clients = Array.from({ length: 4 }, async () => {
    while (isAsking) {
      await ask(path, "/worker").then((worker) => workers.add(worker), (e) => failures.push(e));
    }
  });
  await until(() => workers.has("0"));
  // A directory to read, which the workers that are there may not.
  gateway.configure({ listen, probe: { root: "/tmp" } });
  assert.deepEqual(await gateway.keeper.reload(), { kind: "applied" });
  await until(() => workers.has("2"));
  isAsking = false;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  await gateway.keeper.stop("test");
  assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
});

Deno.test("a module serves its own protocol on listeners of its own", async () => {
  using socket = new SocketPath();
  const { path } = socket;
  const probe = { listen: `unix:${path}`, listenKind: "unix" } as const;
  await using gateway = await startGateway({ probe });
  using client = await UnixClient.connect(path);
  await client.send("ping");
  await client.until(/^worker 0\nping$/);
  assert.equal(await get(gateway.address, "/"), "hello");
  assert.deepEqual(gateway.keeper.listeners.map(({ description }) => description), ["tcp", "unix"]);
  gateway.configure({ probe: {} });
  const outcome = await gateway.keeper.reload();
  assert.deepEqual(outcome, {
    kind: "process-upgrade",
    reasons: ["listener-changed"],
    problems: [],
  });
});

Deno.test("a listener of a kind that no part of the build opens is refused by its key", async () => {
  const config = testConfig({ probe: { listen: "127.0.0.1:53", listenKind: "udp" } });
  const error = await Keeper.start({
    profile: probeProfile,
    load: () => Promise.resolve({ config, problems: [] }),
    configSource: undefined,
  }).then(() => assert.fail("it started"), (error) => error);
  assert.ok(error instanceof StartError);
  assert.deepEqual(error.problems.map(({ key }) => key), ["vhosts[0].probe.listen"]);
  assert.match(error.message, /kind udp/);
});
