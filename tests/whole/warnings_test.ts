/** What a configuration says and the gateway does not do is a warning with a way out. */
import assert from "node:assert/strict";
import { load } from "../../src/cli/load.ts";
import { runCli } from "../../src/cli/testing/run.ts";
import type { Problem } from "../../src/config/types.ts";
import { profile } from "../../src/profiles/development.ts";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, TempDir, until } from "../testing/peer.ts";

const SERVER = '[server]\nlisten = ["127.0.0.1:8080"]\n';
const VHOST = `[[vhosts]]
name = "shop"
hosts = ["shop.test"]
proxy = { upstream = "127.0.0.1:${DEAD_PORT}" }
`;
const ROUTE = `[[vhosts.routes]]
name = "api"
path_prefix = "/api"
proxy = { upstream = "127.0.0.1:${DEAD_PORT}" }
`;

/** Problems of a configuration, which must load. */
async function warningsOf(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly Problem[]> {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(files)) dir.write(name, content);
  const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
  const { config, problems } = await load(profile, path);
  assert.ok(config !== undefined, JSON.stringify(problems));
  assert.ok(problems.every(({ warning, hint }) => warning === true && hint !== undefined));
  return problems;
}

/** What is written, the key that the warning is about, and whether it is a matter of security. */
const WITHOUT_EFFECT: readonly (readonly [text: string, key: string, security?: true])[] = [
  [
    `${SERVER}[server.process]\nupgrade_sock = "{dir}/u.sock"`,
    "server.process.upgrade_sock",
  ],
  [
    `${SERVER}[server.process]\ncertificate_reload_sock = "{dir}/c.sock"`,
    "server.process.certificate_reload_sock",
  ],
  [`${SERVER}[server.process]\nerror_log = "{dir}/e.log"`, "server.process.error_log"],
  [`${SERVER}[server.process]\nlistener_tasks_per_fd = 4`, "server.process.listener_tasks_per_fd"],
  [`${SERVER}[server.process]\nwork_stealing = false`, "server.process.work_stealing"],
  [
    "[tls.fips]\nrequire_disk_cache_encryption = true",
    "tls.fips.require_disk_cache_encryption",
  ],
  [
    "[tls.iso19790]\nrequire_disk_cache_encryption = true",
    "tls.iso19790.require_disk_cache_encryption",
  ],
  [`[proxy]\nupstream = "127.0.0.1:${DEAD_PORT}"\n${VHOST}`, "proxy"],
  [`[web]\nroot = "{dir}"\n${VHOST}`, "web"],
  [
    `${VHOST}[vhosts.proxy.auth_request]\nurl = "http://127.0.0.1:${DEAD_PORT}/auth"`
      .replace("proxy = {", "# {").replace(
        "[vhosts.proxy.auth",
        `[vhosts.proxy]\nupstream = "127.0.0.1:${DEAD_PORT}"\n[vhosts.proxy.auth`,
      ),
    "vhosts[0].proxy.auth_request",
    true,
  ],
  [
    `${VHOST}[vhosts.rate_limit]\nrequests_per_second = 10`,
    "vhosts[0].rate_limit",
    true,
  ],
  [`${VHOST}[vhosts.concurrency]\nmax_in_flight = 10`, "vhosts[0].concurrency", true],
  [
    `${VHOST}[vhosts.concurrency]\nenabled = false\nmax_in_flight = 10`,
    "vhosts[0].concurrency",
    true,
  ],
  [
    `${VHOST}${ROUTE}[vhosts.routes.access]\nenabled = false\nallow = ["10.0.0.0/8"]`,
    "vhosts[0].routes[0].access",
    true,
  ],
  [
    `${SERVER}[tls]\nenabled = true\n[tls.client_auth]\nca_path = "{dir}/ca.pem"`,
    "tls.client_auth.ca_path",
    true,
  ],
  [`${VHOST}[vhosts.redirect]\nto = "https://other.test/"`, "vhosts[0].redirect"],
  [
    `${VHOST}[vhosts.headers.response.cors]\nallow_origins = ["https://a.test"]`,
    "vhosts[0].headers.response.cors",
  ],
  [`[headers.response.cors]\nallow_origins = ["https://a.test"]`, "headers.response.cors"],
  [
    `${VHOST}[vhosts.headers.response.set]\nx-host = "{host}"`,
    "vhosts[0].headers.response.set.x-host",
  ],
  [
    `${VHOST}[vhosts.headers.response.append]\nx-host = ["a", "{scheme}"]`,
    "vhosts[0].headers.response.append.x-host",
  ],
  [
    `${VHOST}[vhosts.headers.request.set]\nupgrade = "websocket"`,
    "vhosts[0].headers.request.set.upgrade",
  ],
  [
    `${VHOST}[vhosts.headers.request.add]\nConnection = "upgrade"`,
    "vhosts[0].headers.request.add.Connection",
  ],
  [`${VHOST}${ROUTE}${ROUTE}`, "vhosts[0].routes[1].path_prefix"],
  [
    `${VHOST}${ROUTE}${ROUTE.replace("path_prefix", 'methods = ["GET"]\npath_prefix')}`,
    "vhosts[0].routes[1].path_prefix",
  ],
  [`${VHOST}${ROUTE.replace('"/api"', '"/api/*"')}`, "vhosts[0].routes[0].path_prefix"],
  [`${VHOST}${ROUTE.replace('prefix = "/api"', 'exact = "/*"')}`, "vhosts[0].routes[0].path_exact"],
];

for (const [text, key, security] of WITHOUT_EFFECT) {
  const said = text.replaceAll(/\s+/g, " ").slice(-60);
  Deno.test(`${security ? "a security warning" : "a warning"} names ${key}: ${said}`, async () => {
    const problems = await warningsOf(text, { "ca.pem": "" });
    assert.deepEqual(problems.map((problem) => [problem.key, problem.security]), [[key, security]]);
    assert.ok(problems[0].line !== undefined, "its line is known");
  });
}

/** What is not a reason for a warning. */
const FINE: readonly string[] = [
  // Stating a default asks for what happens anyway.
  `${SERVER}[server.process]
upgrade_sock = "/run/fluxheim/fluxheim-upgrade.sock"
listener_tasks_per_fd = 1
work_stealing = true
[tls.fips]
require_disk_cache_encryption = false`,
  `[proxy]\n${VHOST}`,
  `[web]\nroot = "{dir}"\n`,
  `${VHOST}[vhosts.rate_limit]\nenabled = false`,
  `${VHOST}[vhosts.rate_limit]\nenabled = false\nstatus = 429`,
  `${VHOST}[vhosts.redirect]\nenabled = false\nto = "https://other.test/"`,
  `${VHOST}[vhosts.headers.request.set]\nx-host = "{host}"`,
  `[headers.response.cors]\nallow_origins = ["https://a.test"]\n` +
  `${VHOST}[vhosts.headers.response.cors]\nenabled = true`,
  // Of two with one path each takes its own methods, and a prefix is not an exact path.
  VHOST + ROUTE.replace("path_prefix", 'methods = ["GET"]\npath_prefix') + ROUTE,
  VHOST + ROUTE + ROUTE.replace("path_prefix", "path_exact") + ROUTE.replace('"/api"', '"/api/"'),
];

for (const text of FINE) {
  const said = text.replaceAll(/\s+/g, " ").slice(-60);
  Deno.test(`no warning: ${said}`, async () => assert.deepEqual(await warningsOf(text), []));
}

const CONF_D = { "conf.d/site.toml": VHOST };

Deno.test("a conf.d that is not loaded is a warning, unless the file says so", async () => {
  const [problem, ...more] = await warningsOf(SERVER, CONF_D);
  assert.deepEqual(more, []);
  assert.equal(problem.key, "include_conf_d");
  assert.match(problem.file ?? "", /fluxheim\.toml$/);
  assert.deepEqual(await warningsOf(`include_conf_d = false\n${SERVER}`, CONF_D), []);
  assert.deepEqual(await warningsOf(`include_conf_d = true\n${SERVER}`, CONF_D), []);
  assert.deepEqual(await warningsOf(SERVER, { "conf.d/notes.txt": "" }), []);
});

Deno.test("--check-config prints what loads again without a warning", async () => {
  await using dir = new TempDir();
  const text = `${VHOST}[vhosts.rate_limit]\nenabled = false\n${ROUTE}`;
  const { out } = await runCli(profile, "--check-config", "-c", dir.write("a.toml", text));
  const { err, status } = await runCli(profile, "--check-config", "-c", dir.write("b.toml", out));
  assert.deepEqual([status, err], [0, ""]);
});

Deno.test("--validate-config reports warnings and succeeds, as text and as data", async () => {
  await using dir = new TempDir();
  const text = `${VHOST}[vhosts.rate_limit]\nrequests_per_second = 10\n`;
  const path = dir.write("fluxheim.toml", text);
  const spoken = await runCli(profile, "--validate-config", "-c", path);
  assert.equal(spoken.status, 0);
  assert.match(spoken.err, /^\S+:5: security warning: vhosts\[0\]\.rate_limit \(vhost "shop"\): /);
  const { out, status } = await runCli(profile, "--validate-config", "--json", "-c", path);
  assert.equal(status, 0);
  const { ok, problems } = JSON.parse(out);
  assert.equal(ok, true);
  assert.equal(problems.length, 1);
  const { severity, security, key } = problems[0];
  assert.deepEqual([severity, security, key], ["warning", true, "vhosts[0].rate_limit"]);
});

Deno.test("warnings are logged at the start and at a reload", async () => {
  await using gateway = await TestGateway.start(
    `[server]\nlisten = ["127.0.0.1:{port}"]\n[server.process]\nwork_stealing = false\n` +
      `[logging]\nlevel = "info"\n${VHOST}`,
  );
  const { process } = gateway;
  await until(
    "it warns",
    () => /WARN.*server\.process\.work_stealing/.test(process.output),
  );
  gateway.rewrite(VHOST, `${VHOST}[vhosts.rate_limit]\nrequests_per_second = 10\n`);
  process.signal("SIGHUP");
  await until(
    "it warns",
    () => /WARN.*fluxheim::security.*rate_limit/.test(process.output),
  );
});
