/**
 * Configurations written after the documents of the 1.5 line load, in every build that has what they
 * switch on. One that has a key without effect names it in a comment: `# warns: KEY`.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { load } from "../../src/cli/load.ts";
import { loadText } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problems/problems.ts";
import { profile as development } from "../../src/profiles/development.ts";
import { profile as privacy } from "../../src/profiles/privacy.ts";
import { TestGateway } from "../testing/gateway.ts";
import { DEAD_PORT, freePort, TempDir } from "../testing/peer.ts";
import { TestCertificate } from "../peers/tls.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

for (const { name } of Deno.readDirSync(HERE)) {
  if (!name.endsWith(".toml")) continue;
  Deno.test(`${name} loads`, async () => {
    await using dir = new TempDir();
    dir.write("www/index.html", "");
    dir.write("run/README", "");
    const text = Deno.readTextFileSync(HERE + name).replaceAll("{dir}", dir.path);
    const build = name === "privacy.toml" ? privacy : development;
    const { config, problems } = await load(build, dir.write("fluxheim.toml", text));
    assert.ok(config !== undefined, problems.map(formatProblem).join("\n"));
    const wanted = [...text.matchAll(/^# warns: (.*)$/gm)].map(([, key]) => key);
    assert.deepEqual(problems.map(({ key }) => key), wanted);
  });
}

Deno.test("a directory of fragments loads as one configuration", async () => {
  await using dir = new TempDir();
  for (const name of ["vhosts", "routes"]) {
    const text = Deno.readTextFileSync(`${HERE}${name}.toml`).replaceAll("{dir}", dir.path)
      .replaceAll('name = "main"', 'name = "routes"').replaceAll('"example.test"]', '"r.test"]');
    dir.write(`${name === "routes" ? "conf.d/" : ""}${name}.toml`, text);
  }
  dir.write("www/index.html", "");
  const { config, problems, files } = await load(development, dir.path);
  assert.ok(config !== undefined, problems.map(formatProblem).join("\n"));
  assert.equal(files.length, 2);
  assert.deepEqual(config.vhosts.map(({ name }) => name), ["site", "old", "app", "routes"]);
});

Deno.test("more than 1,024 vhosts load where server.limits.max_vhosts allows them", () => {
  const tables = development.modules.flatMap((module) => module.schema);
  const vhosts = Array.from(
    { length: 3000 },
    (_, i) => `[[vhosts]]\nname = "v${i}"\nhosts = ["v${i}.test"]\nweb.root = "/srv"\n`,
  ).join("");
  const refused = loadText(vhosts, tables).problems;
  assert.deepEqual(refused.map(({ key }) => key), ["vhosts[1024]"]);
  assert.match(refused[0].hint ?? "", /server\.limits\.max_vhosts/);
  const { config } = loadText(`[server.limits]\nmax_vhosts = 3000\n${vhosts}`, tables);
  assert.equal(config?.vhosts.length, 3000);
});

Deno.test("ACME challenges go to another host, ahead of all routes and over cleartext", async () => {
  await using certificate = new TestCertificate();
  await using client = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => new Response(`challenge ${new URL(request.url).pathname}`),
  );
  await using gateway = await TestGateway.start(`[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${freePort()}"]
https_redirect = { enabled = true }
${certificate.tables}
[[vhosts]]
name = "shop"
hosts = ["127.0.0.1"]
proxy = { upstream = "127.0.0.1:${DEAD_PORT}" }
acme_challenge = { enabled = true, upstream = "127.0.0.1:${client.addr.port}" }
[[vhosts.routes]]
name = "exact"
path_exact = "/.well-known/acme-challenge/token"
redirect = { to = "https://other.test/" }
`);
  const path = "/.well-known/acme-challenge/token";
  const answer = await fetch(gateway.url(path), { redirect: "manual" });
  assert.deepEqual([answer.status, await answer.text()], [200, `challenge ${path}`]);
  const other = await fetch(gateway.url("/.well-known/other"), { redirect: "manual" });
  await other.body?.cancel();
  assert.equal(other.status, 308);
});

Deno.test("what is wrong with [vhosts.acme_challenge] is reported for it", () => {
  const told = (keys: string) => {
    const { problems } = loadText(
      `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\nacme_challenge = { enabled = true, ${keys} }`,
      development.modules.flatMap((module) => module.schema),
      development.modules.flatMap((module) => module.check ?? []),
    );
    return problems.map(({ key, warning }) => warning ? `(${key})` : key);
  };
  const key = "vhosts[0].acme_challenge";
  assert.deepEqual(told('upstream = "a.b:1"'), []);
  assert.deepEqual(told("upstream_tls = false"), [`${key}.upstream`]);
  assert.deepEqual(told('upstream = "a.b:1", upstreams = ["a.c:1"]'), [`${key}.upstreams`]);
  assert.deepEqual(told('upstream = "10.0.0.1:1", upstream_tls = true'), [`${key}.upstream_tls`]);
  assert.deepEqual(told('upstreams = ["10.0.0.1:1", "10.0.0.2:1"]'), []);
  const names = [`${key}.upstreams[0]`, `${key}.upstreams[1]`];
  assert.deepEqual(told('upstreams = ["a.b:1", "a.c:1"]'), names, "members are addresses");
});
