/** How the real program reloads, logs and ends, under exactly the permissions it asks for. */
import assert from "node:assert/strict";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { accepts, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";
import { putDirectory } from "../../src/config/testing/files.ts";

const SITE = `
[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 2
pid_file = "{dir}/fluxheim.pid"
[[vhosts]]
name = "site"
hosts = ["a.test"]
[vhosts.web]
root = "{dir}/www"
[vhosts.headers.response.set]
x-generation = "0"
`;

function records(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

Deno.test("a hundred reloads under load fail no request", async () => {
  await using gateway = await TestGateway.start(SITE, { "www/index.html": "page" });
  let reloading = true, served = 0;
  const generations = new Set<string | null>();
  const clients = Array.from({ length: 8 }, async () => {
    while (reloading) {
      const response = await fetch(gateway.url("/"));
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "page");
      generations.add(response.headers.get("x-generation"));
      served++;
    }
  });
  for (let i = 1; i <= 100; i++) {
    gateway.rewrite(`x-generation = "${i - 1}"`, `x-generation = "${i}"`);
    gateway.process.signal("SIGHUP");
    await until(`generation ${i} serves`, () => generations.has(String(i)));
  }
  reloading = false;
  await Promise.all(clients);
  assert.ok(served >= 100);
});

/** Reloads of the test below; a soak asks for more. */
const RELOADS = Number(Deno.env.get("FLUXHEIM_RELOADS") ?? "100");

testWith(
  ["wrk"],
  "reloads under full load fail no request, of files or of an upstream",
  async () => {
    await using upstream = await Upstream.start((_request, response) => response.end("app"));
    await using gateway = await TestGateway.start(
      SITE.replace(
        "[vhosts.headers",
        `[[vhosts.routes]]\nname = "app"\npath_prefix = "/app"\n` +
          `proxy = { upstream = "127.0.0.1:${upstream.port}" }\n$&`,
      ) +
        `[logging]\nlevel = "error"\n`,
      { "www/index.html": "page" },
    );
    const loads = ["/", "/app/"].map((path) =>
      new Process("wrk", ["-t1", "-c16", "-d3600", gateway.url(path)])
    );
    try {
      for (let i = 1; i <= RELOADS; i++) {
        gateway.rewrite(`x-generation = "${i - 1}"`, `x-generation = "${i}"`);
        gateway.process.signal("SIGHUP");
        await until(`generation ${i} serves`, async () => {
          const response = await fetch(gateway.url("/"));
          await response.body?.cancel();
          return response.headers.get("x-generation") === String(i);
        });
      }
    } finally {
      // wrk prints what it has counted when it is interrupted.
      for (const load of loads) await load.stop("SIGINT");
    }
    for (const { output } of loads) {
      assert.doesNotMatch(output, /Socket errors|Non-2xx/);
      assert.ok(Number(/(\d+) requests in/.exec(output)?.[1]) > RELOADS, output);
    }
    assert.doesNotMatch(gateway.process.output, /ERROR/);
  },
);

Deno.test("a wrong configuration is refused by key and the old one serves", async () => {
  await using gateway = await TestGateway.start(SITE, { "www/index.html": "page" });
  gateway.rewrite("[vhosts.web]", "[vhosts.wep]");
  gateway.process.signal("SIGHUP");
  await until("the reload is refused", () => gateway.process.output.includes("reload refused"));
  assert.match(gateway.process.output, /reload: .*fluxheim\.toml:\d+: vhosts\[0\]\.wep/);
  assert.equal(await (await fetch(gateway.url("/"))).text(), "page");
});

Deno.test("what the process may not do is refused as a restart, by flag and key", async () => {
  await using gateway = await TestGateway.start(SITE, { "www/index.html": "page" });
  gateway.rewrite('/www"', '/other"');
  putDirectory(`${gateway.dir.path}/other`);
  gateway.process.signal("SIGHUP");
  await until("the reload is refused", () => gateway.process.output.includes("reload: "));
  assert.match(gateway.process.output, /reload refused: needs a restart: permissions-changed/);
  await until(
    "the grant is named",
    () => gateway.process.output.includes(`needs --allow-read=${gateway.dir.path}/other`),
  );
  assert.equal(await (await fetch(gateway.url("/"))).text(), "page");
});

Deno.test("the log file has every request, the terminal nothing", async () => {
  const config = SITE + `[logging.file]\nenabled = true\npath = "{dir}/fluxheim.log"\n`;
  await using gateway = await TestGateway.start(config, { "www/index.html": "page" });
  for (let i = 0; i < 10; i++) await (await fetch(gateway.url("/?secret=1"))).text();
  await gateway.process.stop();
  const lines = records(Deno.readTextFileSync(`${gateway.dir.path}/fluxheim.log`));
  const access = lines.filter(({ event }) => event === "access");
  assert.equal(access.length, 10);
  assert.deepEqual([access[0].path, access[0].vhost, access[0].status], ["/", "site", 200]);
  assert.deepEqual(lines.at(-1)?.message, "stopped");
  assert.equal(gateway.process.output, "");
});

Deno.test("the pid file names the process until it ends with status 0", async () => {
  await using gateway = await TestGateway.start(SITE, { "www/index.html": "page" });
  const path = `${gateway.dir.path}/fluxheim.pid`;
  await until("the pid file is there", () => Deno.stat(path).then(() => true, () => false));
  assert.equal(Deno.readTextFileSync(path).trim(), String(gateway.process.pid));
  assert.equal((await gateway.process.stop()).code, 0);
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("a port that is taken is reported by its key, and nothing is left listening", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using dir = new TempDir();
  const free = freePort();
  const listen = `["127.0.0.1:${free}", "127.0.0.1:${other.addr.port}"]`;
  const config = dir.write(
    "fluxheim.toml",
    SITE.replace('["127.0.0.1:{port}"]', listen)
      .replaceAll("{dir}", dir.path),
  );
  putDirectory(`${dir.path}/www`);
  await using process = new Process(Deno.execPath(), await launchArguments(config));
  assert.equal((await process.ended).code, 1);
  await until("its output is read", () => process.output.includes("server.listen[1]"));
  assert.match(process.output, /server\.listen\[1\].*cannot listen on 127\.0\.0\.1:\d+: .*in use/);
  assert.equal(await accepts(free), false);
});
