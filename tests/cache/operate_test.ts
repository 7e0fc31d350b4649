/** Operating caches: `fluxheim cache`, and what a scrape has of them. */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { TestCertificate } from "../peers/tls.ts";
import { Caching, image } from "../testing/caching.ts";
import { fluxheim } from "../testing/cli.ts";
import { AdminGateway, PATIENT } from "../testing/admin.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";
import { type Responder, Upstream } from "../testing/upstream.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** Images with a tag. */
const tagged: Responder = ({ url }, response) =>
  image(response, "x", { "surrogate-key": url?.startsWith("/t") === true ? "t" : "o" });

/** A cache with both tiers, its operator's token, and a scrape. */
class Operated implements AsyncDisposable {
  private constructor(
    readonly caching: Caching,
    readonly dir: TempDir,
    readonly metricsPort: number,
  ) {}

  static async start(
    respond: Responder = tagged,
    more: { readonly server?: string; readonly root?: string } = {},
  ): Promise<Operated> {
    const dir = new TempDir();
    dir.write("token", `${TOKEN}\n`);
    const ports = { admin: freePort(), metrics: freePort() };
    const caching = await Caching.start(
      respond,
      `[vhosts.cache.disk]
enabled = true
path = "${dir.path}/objects"
max_size_bytes = "4 MiB"
`,
      {
        server: more.server,
        root: `${more.root ?? ""}
[admin]
enabled = true
listen = "127.0.0.1:${ports.admin}"
token_file = "${dir.path}/token"
snapshot_store = "${dir.path}/store"
${PATIENT}
[metrics]
enabled = true
listen = "127.0.0.1:${ports.metrics}"
`,
      },
    );
    const { process } = caching.gateway;
    await until("the API is served", () => /the service control runs/.test(process.output));
    return new Operated(caching, dir, ports.metrics);
  }

  run(...args: string[]) {
    return fluxheim("cache", ...args, "-c", this.caching.gateway.configPath);
  }

  /** The value of a series, by how its line begins. */
  async value(series: string): Promise<number | undefined> {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    const line = text.split("\n").find((line) => line.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** Purges all until the memory tier accounts for no object and no byte. */
  async empties(): Promise<void> {
    await until("nothing is kept", async () => {
      await this.run("purge", "--vhost", "a", "--all");
      const { totals } = JSON.parse((await this.run("status", "--json")).out);
      return totals.memory_entries === 0 && totals.memory_weighted_size_bytes === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.caching[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

const SCOPE = 'scope="vhost",vhost="a",route=""';

Deno.test("fluxheim cache shows what is stored and purges it, and a scrape counts it", async () => {
  await using operated = await Operated.start();
  const { caching } = operated;
  const get = async (path: string) => (await caching.get(path, { host: "h" })).cache;
  for (const path of ["/t1.png", "/t2.png", "/o1.png", "/o2.png", "/o3.png"]) await get(path);
  assert.equal(await get("/o1.png"), "HIT");
  await until("all are on disk", async () => {
    const { out } = await operated.run("status", "--json");
    return JSON.parse(out).totals.disk_entries === 5;
  });
  const status = await operated.run("status");
  assert.equal(status.code, 0, status.err);
  assert.match(status.out, /^hit ratio: +9\.\d % of 11 look-ups$/m);
  assert.match(status.out, /^memory: +5 objects, \d+ of 8388608 bytes$/m);
  assert.match(status.out, /^a: memory 5 objects, hit ratio 16\.6 %; disk 5 objects, /m);

  const exact = await operated.run("purge", "--host", "h", "--path", "/o1.png");
  assert.equal(exact.out, "a: /o1.png purged\n", exact.err);
  assert.equal(
    (await operated.run("purge", "--host", "h", "--path", "/o1.png")).out,
    "a: /o1.png was not stored\n",
  );
  const both = await operated.run("purge", "--host", "h", "--path", "/o1.png", "--path", "/o2.png");
  assert.equal(both.out, "a: 1 of 2 purged\n");
  const tagged = await operated.run("purge", "--vhost", "a", "--tag", "t", "--json");
  const { memory_purged, disk_purged } = JSON.parse(tagged.out);
  assert.deepEqual([memory_purged, disk_purged], [2, 2]);
  assert.equal(await get("/t1.png"), "MISS");
  const soft = await operated.run("purge", "--vhost", "a", "--all", "--soft");
  assert.match(soft.out, /^a: \d of \d made stale\n$/);
  const dry = await operated.run("purge", "--vhost", "a", "--stale", "--dry-run");
  assert.match(dry.out, /would be purged/);

  const purges = (operation: string, mode: string) =>
    operated.value(
      `fluxheim_cache_purges_total{operation="${operation}",${SCOPE},mode="${mode}"}`,
    );
  assert.equal(await purges("exact", "normal"), 2);
  assert.equal(await purges("bulk", "normal"), 1);
  assert.equal(await purges("tag", "normal"), 1);
  assert.equal(await purges("index", "soft"), 1);
  assert.equal(await purges("stale", "dry_run"), 1);
  const activity = (tier: string, event: string) =>
    operated.value(
      `fluxheim_cache_activity_scope_total{${SCOPE},tier="${tier}",event="${event}"}`,
    );
  assert.ok((await activity("memory", "purge") ?? 0) >= 4);
  assert.ok((await activity("disk", "purge") ?? 0) >= 4);
  assert.equal(await activity("disk", "store"), 6);
  assert.equal(await activity("disk", "miss"), 6);
  assert.equal(await operated.value("fluxheim_cache_disk_max_size_bytes"), 4 * 1024 * 1024);
  assert.equal(await operated.value("fluxheim_cache_enabled_vhosts"), 1);
  assert.equal(await operated.value("fluxheim_cache_disk_entries"), 2);
});

Deno.test("what is set back in the status goes on in metrics", async () => {
  await using operated = await Operated.start();
  const { caching } = operated;
  await caching.get("/a.png", { host: "h" });
  await operated.run("purge", "--host", "h", "--path", "/a.png");
  const config = caching.gateway.configPath;
  const port = /listen = "(127.0.0.1:\d+)"\ntoken/.exec(Deno.readTextFileSync(config))?.[1];
  const reset = await fetch(`http://${port}/_fluxheim/cache/activity/reset`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const body = await reset.json();
  assert.deepEqual([body.status, body.memory_tiers, body.disk_tiers], ["ok", 1, 1]);
  const { totals } = JSON.parse((await operated.run("status", "--json")).out);
  assert.equal(totals.activity.purges, 0);
  assert.equal(totals.activity.stores, 0);
  const series = `fluxheim_cache_activity_scope_total{${SCOPE},tier="memory",event="purge"}`;
  assert.equal(await operated.value(series), 1);
});

Deno.test("evictions are counted by tier", async () => {
  await using dir = new TempDir();
  dir.write("token", `${TOKEN}\n`);
  const metrics = freePort();
  await using caching = await Caching.start(
    (_, response) => image(response, "x".repeat(900 * 1024)),
    "",
    { root: `[metrics]\nenabled = true\nlisten = "127.0.0.1:${metrics}"\n` },
  );
  await caching.gateway.process.listening(metrics);
  for (let i = 0; i < 12; i++) await caching.get(`/${i}.png`);
  await until("they are shown", async () => {
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    const found = /activity_total\{tier="memory",event="eviction"\} (\d+)/.exec(text)?.[1];
    return Number(found ?? 0) >= 3;
  });
});

Deno.test("a command line that makes no sense is refused before anything is asked", async () => {
  const refusals: readonly (readonly [string[], RegExp])[] = [
    [["flush"], /knows status and purge, not "flush"/],
    [["purge"], /say what to purge/],
    [["purge", "--all", "--stale"], /by one of/],
    [["purge", "--path", "/a", "--soft"], /--soft has no meaning beside --path/],
    [["purge", "--all", "--dry-run"], /--dry-run has no meaning beside --all/],
    [["status", "--tag", "t"], /status takes no --tag/],
    [["purge", "--all", "--socket", "/none"], /can only be read/],
  ];
  for (const [args, text] of refusals) {
    const { code, err } = await fluxheim("cache", ...args);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, text);
  }
  assert.equal((await fluxheim("cache")).code, 2);
});

Deno.test("a gateway without a cache says so, and one that a reload brings is operated", async () => {
  await using upstream = await Upstream.start((_, response) => image(response));
  await using admin = await AdminGateway.start({
    tables: `[[vhosts]]
name = "app"
hosts = ["app.test"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.cache]
enabled = false
[vhosts.cache.memory]
enabled = true
`,
  });
  const status = await admin.get("/_fluxheim/cache/status");
  assert.equal(status.status, 200);
  assert.equal(status.body.totals.vhosts, 2);
  assert.equal(status.body.totals.enabled_vhosts, 0);
  assert.equal(status.body.vhosts.length, 2);
  const purge = "/_fluxheim/cache/purge?host=app.test&path=/a.png";
  assert.equal((await admin.post(purge)).status, 404);
  assert.equal((await admin.post("/_fluxheim/cache/purge?path=/a.png")).status, 400);
  admin.gateway.rewrite("[vhosts.cache]\nenabled = false", "[vhosts.cache]\nenabled = true");
  const reload = await admin.post("/_fluxheim/reload-config");
  assert.equal(reload.status, 200, JSON.stringify(reload.body));
  const { totals } = (await admin.get("/_fluxheim/cache/status")).body;
  assert.equal(totals.enabled_vhosts, 1);
  const purged = await admin.post(purge);
  assert.equal(purged.body.purged, false, JSON.stringify(purged.body));
});

Deno.test("clients that break off leave nothing in the memory of a cache (pitfall A19)", async () => {
  const large = "x".repeat(400_000);
  await using operated = await Operated.start(({ url }, response) => {
    if (url?.startsWith("/whole") === true) return image(response, "y".repeat(1_000_000));
    image(response, large);
  });
  const { caching } = operated;
  await caching.store("/hit.png");
  const abort = async (path: string, after: number) => {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: caching.gateway.port });
    await client.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`));
    const buffer = new Uint8Array(32 * 1024);
    for (let read = 0; read < after;) {
      const count = await client.read(buffer);
      if (count === null) return;
      read += count;
    }
  };
  for (let round = 0; round < 40; round++) {
    const clients = Array.from({ length: 8 }, (_, i) => {
      // Some break off before the first byte, some while their answer is being stored.
      const path = i < 5 ? "/hit.png" : `/fill-${round}-${i}.png`;
      return abort(path, ((round * 8 + i) * 37_123) % 390_000 * (i % 4 === 0 ? 0 : 1));
    });
    await Promise.all(clients);
  }
  await operated.empties();
  for (const path of ["/whole-1.png", "/whole-2.png", "/whole-3.png"]) await caching.store(path);
  const { totals } = JSON.parse((await operated.run("status", "--json")).out);
  assert.equal(totals.memory_entries, 3);
});

Deno.test("streams over HTTP/2 that break off leave nothing in the memory of a cache (pitfall A19)", async () => {
  await using certificate = new TestCertificate();
  const secure = freePort();
  await using operated = await Operated.start(
    (_, response) => image(response, "x".repeat(400_000)),
    { server: `tls_listen = ["127.0.0.1:${secure}"]`, root: certificate.tables },
  );
  await operated.caching.store("/hit.png");
  const ca = certificate.authority.root;
  let begun = 0;
  for (let round = 0; round < 20; round++) {
    const client = connect(`https://localhost:${secure}`, { ca });
    client.on("error", () => {});
    const streams = Array.from({ length: 6 }, (_, i) => {
      // Most have no reader, and wait for a window when they end.
      const asked = client.request({ ":path": i < 4 ? "/hit.png" : `/fill-${round}-${i}.png` });
      asked.on("error", () => {});
      const { promise, resolve } = Promise.withResolvers<void>();
      asked.on("close", resolve);
      asked.on("response", () => {
        begun++;
        if (i === 0) asked.once("data", () => asked.close(8));
        else if (i < 5) asked.close(i % 2 === 0 ? 0 : 8);
        else client.destroy();
      });
      asked.end();
      return promise;
    });
    await Promise.all(streams);
    client.destroy();
  }
  assert.ok(begun >= 20);
  await operated.empties();
});
