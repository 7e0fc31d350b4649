/** Reports of the gateway to systemd: the test stands in for systemd's end of the socket. */
import assert from "node:assert/strict";
import { launchArguments } from "../testing/gateway.ts";
import { accepts, freePort, Process, TempDir, until } from "../testing/peer.ts";

/** A notification socket, and what has come by it. */
class Manager implements Disposable {
  readonly said: string[] = [];
  readonly #socket: Deno.DatagramConn;

  constructor(readonly path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    void this.#receive();
  }

  has(text: string): boolean {
    return this.said.some((said) => said.includes(text));
  }

  async #receive(): Promise<void> {
    for await (const [bytes] of this.#socket) this.said.push(new TextDecoder().decode(bytes));
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function configure(dir: TempDir, port: number): string {
  dir.write("www/index.html", "page");
  return dir.write(
    "fluxheim.toml",
    `[server]
listen = ["127.0.0.1:${port}"]
[server.process]
pid_file = "${dir.path}/pid"
notify_socket = "${dir.path}/notify"
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "${dir.path}/www"
`,
  );
}

Deno.test("systemd learns when it serves, that it lives, what reloads came to, and that it stops", async () => {
  await using dir = new TempDir();
  using manager = new Manager(`${dir.path}/notify`);
  const port = freePort();
  const config = configure(dir, port);
  const env = { NOTIFY_SOCKET: manager.path, WATCHDOG_USEC: "200000" };
  const args = await launchArguments(config);
  await using gateway = new Process(Deno.execPath(), args, { env });
  await until("it is ready", () => manager.has("READY=1"));
  assert.ok(await accepts(port), "a connection is accepted at the moment of READY");
  assert.ok(manager.said.find((said) => said.includes("READY=1"))?.includes("MAINPID="));
  await until("it lives", () => manager.said.filter((said) => said === "WATCHDOG=1\n").length > 1);
  gateway.signal("SIGHUP");
  await until("the reload is reported", () => manager.has("STATUS=serving; last reload: noop"));
  gateway.signal("SIGTERM");
  await until("the stop is reported", () => manager.has("STOPPING=1"));
  await until("it has ended", () => gateway.status !== undefined);
  assert.equal(gateway.status?.code, 0);
  assert.ok(manager.said.findIndex((s) => s.includes("STOPPING")) > 0);
});

Deno.test("without a manager nothing is sent; with another socket it does not start", async () => {
  await using dir = new TempDir();
  const port = freePort();
  const args = await launchArguments(configure(dir, port));
  {
    await using alone = new Process(Deno.execPath(), args);
    await alone.listening(port);
  }
  for (const name of ["/run/other", "@abstract", `${dir.path}/notify`]) {
    await using refused = new Process(Deno.execPath(), args, { env: { NOTIFY_SOCKET: name } });
    await until("it has ended", () => refused.status !== undefined);
    assert.equal(refused.status?.code, 1, refused.output);
    assert.match(refused.output, /server\.process\.notify_socket/);
  }
});
