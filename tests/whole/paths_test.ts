/** Paths that cannot be served from or written to, as the whole program tells of them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { launchArguments, TestGateway } from "../support/gateway.ts";
import { freePort, TempDir, until } from "../support/peer.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Everything that the program may ask for, and still not what `-A` gives. */
const BLANKET = ["--no-prompt", "--unstable-net", "--unstable-worker-options"].concat(
  ["net", "read", "write", "env", "sys"].map((kind) => `--allow-${kind}`),
);

interface Ended {
  readonly code: number;
  readonly told: string;
}

async function ended(args: readonly string[]): Promise<Ended> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  return { code, told: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

function run(permissions: readonly string[], ...args: string[]): Promise<Ended> {
  return ended(["run", "-q", ...permissions, MAIN, ...args]);
}

/** Every key of a path, each with one that the runtime does not open. */
const CLOSED = `
[server]
listen = ["127.0.0.1:0"]
[server.process]
error_log = "/dev/stderr"
pid_file = "/dev/shm/f.pid"
upgrade_sock = "/proc/f.sock"
certificate_reload_sock = "/sys/f.sock"
[logging.file]
enabled = true
path = "/dev/shm/f.log"
[tls]
enabled = true
client_auth.ca_path = "/dev/shm/ca.pem"
[[tls.certificates]]
cert_path = "/proc/self/cert.pem"
key_path = "/dev/shm/key.pem"
[geoip]
enabled = true
databases = [{ provider = "maxmind", path = "/dev/shm/geo.mmdb" }]
[[vhosts]]
name = "a"
hosts = ["a.test"]
[vhosts.web]
root = "/dev/shm"
[vhosts.proxy]
upstream = "a.test:443"
upstream_tls = true
upstream_ca_path = "/dev/shm/ca.pem"
upstream_client_cert_path = "/sys/cert.pem"
upstream_client_key_path = "/proc/key.pem"
[[vhosts.proxy.error_pages]]
status = 502
path = "/502.html"
web.root = "/dev/shm/pages"
`;

const KEYS = [
  "server.process.error_log",
  "server.process.pid_file",
  "server.process.upgrade_sock",
  "server.process.certificate_reload_sock",
  "logging.file.path",
  "tls.client_auth.ca_path",
  "tls.certificates[0].cert_path",
  "tls.certificates[0].key_path",
  "geoip.databases[0].path",
  "vhosts[0].web.root",
  "vhosts[0].proxy.upstream_ca_path",
  "vhosts[0].proxy.upstream_client_cert_path",
  "vhosts[0].proxy.upstream_client_key_path",
  "vhosts[0].proxy.error_pages[0].web.root",
];

Deno.test("every key of a path that the runtime does not open is told, and nothing is thrown", async () => {
  await using dir = new TempDir();
  const config = dir.write("fluxheim.toml", CLOSED);
  for (const permissions of [BLANKET, ["-A"]]) {
    for (const mode of [["--validate-config"], ["permissions"], []]) {
      const { code, told } = await run(permissions, "-c", config, ...mode);
      assert.equal(code, 1, told);
      for (const key of KEYS) assert.ok(told.includes(`: ${key}`), `${key}\n${told}`);
      assert.match(told, new RegExp(`\n[^ ]*: ${KEYS.length} problems\n$`));
      assert.doesNotMatch(told, /NotCapable|^ {4}at /m);
    }
  }
});

Deno.test("a configuration that no reload could read is refused", async () => {
  for (const config of ["/proc/self/cwd/fluxheim.toml", "/dev/shm/fluxheim"]) {
    const { code, told } = await run(BLANKET, "-c", config);
    assert.equal(code, 1, told);
    assert.match(told, /leads into \/(proc|dev), which the runtime opens to no program/);
    assert.doesNotMatch(told, /NotCapable/);
  }
});

Deno.test("a path that no flag can name is refused by its key, and no wrong flag is printed", async () => {
  await using dir = new TempDir();
  const web = `[web]\nroot = "${dir.path}/a,b"\n[proxy]\n`;
  Deno.mkdirSync(`${dir.path}/a,b`);
  const { code, told } = await run(["-A"], "-c", dir.write("f.toml", web), "permissions");
  assert.equal(code, 1);
  assert.match(told, /^.*f\.toml:2: web\.root: has a comma.*a,b\)\n +hint: rename it/);
  assert.doesNotMatch(told, /--allow/);
});

function site(root: string): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "site"
hosts = ["127.0.0.1"]
[vhosts.web]
root = "${root}"
`;
}

/** How often `text` stands in what a gateway has said. */
function times(gateway: TestGateway, text: string): number {
  return gateway.process.output.split(text).length - 1;
}

Deno.test("a reload tells a path that the runtime does not open, and the old one serves on", async () => {
  await using gateway = await TestGateway.start(site("{dir}/www"), { "www/index.html": "page" });
  gateway.rewrite(`${gateway.dir.path}/www`, "/dev/shm");
  gateway.process.signal("SIGHUP");
  await until("the reload is refused", () => times(gateway, "reload refused") > 0);
  await until("its reason is told", () => times(gateway, "vhosts[0].web.root") > 0);
  assert.match(gateway.process.output, /web\.root \(vhost .{0,3}site.{0,3}\): leads into \/dev/);
  assert.equal(await (await fetch(gateway.url("/"))).text(), "page");
});

Deno.test("a reload that needs another permission says so once", async () => {
  const files = { "www/index.html": "page", "new/index.html": "new" };
  await using gateway = await TestGateway.start(site("{dir}/www"), files);
  gateway.rewrite(`${gateway.dir.path}/www`, `${gateway.dir.path}/new`);
  gateway.process.signal("SIGHUP");
  await until("the reload is refused", () => times(gateway, "permissions-changed") > 0);
  await until("its reason is told", () => times(gateway, "needs --allow-read=") > 0);
  gateway.process.signal("SIGTERM");
  await gateway.process.ended;
  await gateway.process.stop();
  assert.equal(times(gateway, "needs --allow-read="), 1);
});

Deno.test("below a root that holds all, what the runtime does not open is not there", async () => {
  await using gateway = await TestGateway.start(site("/"));
  for (const path of ["/proc/self/environ", "/dev/shm/", "/sys"]) {
    const response = await fetch(gateway.url(path));
    await response.body?.cancel();
    assert.equal(response.status, 404, path);
  }
});

Deno.test("a log file without a directory is told with its line, by a check and by a start", async () => {
  await using dir = new TempDir();
  const config = dir.write(
    "fluxheim.toml",
    `server.listen = ["127.0.0.1:${freePort()}"]
[logging.file]
enabled = true
path = "none/f.log"
`,
  );
  const checked = await run(["-A"], "-c", config, "--validate-config");
  assert.equal(checked.code, 1);
  assert.match(checked.told, /fluxheim\.toml:4: logging\.file\.path: .*there is no .*\/none\n/);
  // Under exactly its permissions a start may not look at the directory.
  const started = await ended(await launchArguments(config));
  assert.equal(started.code, 1);
  assert.match(started.told, /fluxheim\.toml:4: logging\.file\.path: cannot be opened/);
});
