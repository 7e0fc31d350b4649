import assert from "node:assert/strict";
import { profile } from "../profiles/development.ts";
import { configTester } from "./config_tester.ts";
import { type Ended, RecordedIo, withConfig } from "./testing/run.ts";

const SITE = `
[[vhosts]]
name = "site"
hosts = ["site.example"]
[vhosts.web]
root = "."
`;

const PROXY = `
[[vhosts]]
name = "app"
hosts = ["app.example"]
[[vhosts.routes]]
name = "api"
path_prefix = "/api"
proxy = { upstream = "localhost:9" }
`;

async function tester(...argv: string[]): Promise<Ended> {
  const io = new RecordedIo("fluxheim-config-tester");
  return io.ended(await configTester(profile.modules, argv, io));
}

Deno.test("a configuration that fits is ok, in one line", () =>
  withConfig(SITE + PROXY, async (path) => {
    assert.deepEqual(await tester("-c", path), { status: 0, out: "config tester: ok", err: "" });
  }));

Deno.test("without a configuration the usage is wrong", async () => {
  const { status, err } = await tester();
  assert.equal(status, 2);
  assert.match(err, /^fluxheim-config-tester: --config PATH is needed$/m);
});

Deno.test("an unknown profile is wrong usage, with the list", async () => {
  const { status, err } = await tester("--profile", "php", "-c", "/x.toml");
  assert.equal(status, 2);
  assert.match(err, /full, cache, proxy, load-balancer, web-php, development/);
});

for (
  const [kind, text, said] of [
    ["proxy", SITE, 'web is enabled in vhost "site"'],
    ["load-balancer", SITE, 'web is enabled in vhost "site"'],
    ["cache", SITE, 'web is enabled in vhost "site"'],
    ["web-php", PROXY, 'reverse proxy is enabled in vhost "app", route "api"'],
    ["fips-rustls", PROXY, "tls.fips.required or tls.iso19790.required must be true"],
    ["iso19790-openssl", PROXY, 'tls.backend must be "openssl", it is "rustls"'],
  ]
) {
  Deno.test(`${kind} refuses: ${said}`, () =>
    withConfig(text, async (path) => {
      const { status, out, err } = await tester("--profile", kind, "-c", path);
      assert.equal(status, 1);
      assert.equal(out, "");
      assert.ok(
        err.split("\n").includes(`fluxheim-config-tester: profile ${kind}: ${said}`),
        err,
      );
    }));
}

Deno.test("--no-runtime-paths skips the build step", () =>
  withConfig(SITE.replace('"."', '"gone"'), async (path) => {
    assert.equal((await tester("-c", path)).status, 1);
    assert.equal((await tester("-c", path, "--no-runtime-paths")).status, 0);
  }));

Deno.test("--explain tells the context and each step", () =>
  withConfig(SITE, async (path) => {
    const { out } = await tester("-c", path, "--explain", "--no-runtime-paths");
    assert.match(out, /^runtime paths: +skipped$/m);
    assert.match(out, /\nload: ok\nprofile: ok\nconfig tester: ok$/);
  }));

Deno.test("--resolve-upstreams lists addresses and connects to nothing", () =>
  withConfig(PROXY, async (path) => {
    const { status, out } = await tester("-c", path, "--resolve-upstreams");
    assert.equal(status, 0);
    assert.match(out, /^upstream: app\/api localhost:9 -> .*(127\.0\.0\.1|::1)/m);
  }));

Deno.test("--resolve-upstreams has nothing to look up for a unix socket", () =>
  withConfig(PROXY.replace("localhost:9", "unix:app.sock"), async (path, directory) => {
    const { status, out } = await tester("-c", path, "--resolve-upstreams");
    assert.equal(status, 0);
    assert.ok(out.includes(`upstream: app/api unix:${directory}/app.sock -> unix socket`), out);
  }));

Deno.test("--resolve-upstreams fails when a name has no address", () =>
  withConfig(PROXY.replace("localhost", "nowhere.invalid"), async (path) => {
    const { status, out, err } = await tester("-c", path, "--resolve-upstreams");
    assert.equal(status, 1);
    assert.match(out, /^upstream: app\/api nowhere\.invalid:9 -> error: /m);
    assert.match(err, /names of upstreams that cannot be resolved: 1/);
  }));

Deno.test("--crypto prints the diagnostics with the configuration's part", () =>
  withConfig(SITE, async (path) => {
    const { out } = await tester("-c", path, "--crypto");
    assert.match(out, /^crypto diagnostics:\n {2}version: /);
    assert.match(out, new RegExp(`^ {2}config:\n {4}path: ${path}$`, "m"));
    assert.match(out, /^ {4}tls\.compliance_mode: none$/m);
  }));
