/** Members that die, stop and come back under load, and names whose addresses change. */
import assert from "node:assert/strict";
import { TestGateway } from "../testing/gateway.ts";
import { Upstream } from "../testing/upstream.ts";
import { find, freePort, nginx, Process, TempDir, testWith, until } from "../testing/peer.ts";

const PAGE = 'server { listen 127.0.0.1:{port}; location / { return 200 "ok"; } }';

testWith(
  ["nginx"],
  "a member is killed under load, and no request is lost that could be asked again",
  async () => {
    await using one = await nginx(PAGE);
    await using two = await nginx(PAGE);
    await using three = await nginx(PAGE);
    const ports = [one, two, three].map(({ port }) => `"127.0.0.1:${port}"`);
    await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
[proxy]
upstreams = [${ports.join(", ")}]
[proxy.load_balance.passive_health]
enabled = true
[proxy.load_balance.retry]
enabled = true
max_retries = 2
`);
    let isOver = false;
    const statuses = new Map<number, number>();
    const clients = Array.from({ length: 64 }, async () => {
      while (!isOver) {
        const response = await fetch(gateway.url("/"));
        await response.body?.cancel();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      }
    });
    const count = () => [...statuses.values()].reduce((sum, number) => sum + number, 0);
    await until("there is load", () => count() > 500);
    two.signal("SIGKILL");
    await two.ended;
    const before = count();
    await until("the load goes on", () => count() > before + 1000);
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual([...statuses.keys()], [200]);
  },
);

/** A gateway over names that dnsmasq answers for, read again by SIGHUP. */
class Dns implements AsyncDisposable {
  private constructor(readonly process: Process, readonly port: number, readonly dir: TempDir) {}

  static async start(hosts: string): Promise<Dns> {
    const dir = new TempDir();
    const port = freePort();
    dir.write("hosts", hosts);
    const process = new Process(find("dnsmasq")!, [
      "--no-daemon",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      "--user=root",
      `--addn-hosts=${dir.path}/hosts`,
      "--local-ttl=1",
      "--listen-address=127.0.0.1",
      "--bind-interfaces",
      `--port=${port}`,
      `--pid-file=${dir.path}/pid`,
    ]);
    await process.listening(port);
    return new Dns(process, port, dir);
  }

  set(hosts: string): void {
    this.dir.write("hosts", hosts);
    this.process.signal("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

testWith(
  ["dnsmasq", "nginx"],
  "members follow the addresses of a name, and stay when there is no answer",
  async () => {
    await using peer = await nginx(
      'server { listen 127.0.0.1:{port}; listen 127.0.0.2:{port}; location / { return 200 "$server_addr"; } }',
    );
    await using dns = await Dns.start("127.0.0.1 app.test\n");
    await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstreams = ["app.test:${peer.port}"]
upstream_dns_refresh_secs = 1
upstream_dns_servers = ["127.0.0.1:${dns.port}"]
upstream_dns_allow_private_backends = true
[proxy.load_balance]
member_ranges = ["127.0.0.0/8:${peer.port}"]
`);
    const ask = async () => await (await fetch(gateway.url("/"))).text();
    assert.equal(await ask(), "127.0.0.1");
    dns.set("127.0.0.1 app.test\n127.0.0.2 app.test\n");
    await until("the second address serves", async () => await ask() === "127.0.0.2");
    dns.process.signal("SIGSTOP");
    await until("it is logged", () => /discovery failed/.test(gateway.process.output));
    const served = new Set([await ask(), await ask()]);
    assert.deepEqual(served, new Set(["127.0.0.1", "127.0.0.2"]));
    dns.process.signal("SIGCONT");
    dns.set("127.0.0.2 app.test\n");
    await until(
      "the first address is gone",
      async () => new Set([await ask(), await ask(), await ask()]).size === 1,
    );
    assert.equal(await ask(), "127.0.0.2");
  },
);

Deno.test("a member that takes requests and ends their connections loses none that may be asked again", async () => {
  const broken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of broken) {
      await connection.read(new Uint8Array(4096));
      connection.close();
    }
  })();
  await using good = await Upstream.start((_, response) => response.end("ok"));
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstreams = ["127.0.0.1:${broken.addr.port}", "127.0.0.1:${good.port}"]
[proxy.load_balance.retry]
enabled = true
[proxy.load_balance.health_check]
enabled = false
`);
  for (let i = 0; i < 6; i++) {
    const response = await fetch(gateway.url("/"));
    assert.deepEqual([response.status, await response.text()], [200, "ok"]);
  }
  const posts: number[] = [];
  for (let i = 0; i < 4; i++) {
    const response = await fetch(gateway.url("/"), { method: "POST", body: "once" });
    await response.body?.cancel();
    posts.push(response.status);
  }
  assert.deepEqual(posts.toSorted(), [200, 200, 502, 502]);
  assert.equal(good.seen.filter(({ method }) => method === "POST").length, 2);
  broken.close();
  await serving;
});
