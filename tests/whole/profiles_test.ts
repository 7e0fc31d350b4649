/** Every profile that is built, served from under its own permission set. */
import assert from "node:assert/strict";
import { profileFeatures } from "../../src/cli/features/feature_set.ts";
import { ROOT } from "../../src/cli/tasks/entry_files.ts";
import { builtProfiles } from "../../src/cli/tasks/generated.ts";
import { staleFiles } from "../../src/cli/tasks/manifests.ts";
import { freePort, Process, TempDir } from "../testing/peer.ts";

function siteConfig(port: number): string {
  return `[server]\nlisten = ["127.0.0.1:${port}"]\n[proxy]\n[web]\nroot = "www"\n`;
}

function proxyConfig(port: number, upstream: number): string {
  return `[server]\nlisten = ["127.0.0.1:${port}"]\n[proxy]\nupstream = "127.0.0.1:${upstream}"\n`;
}

for (const profile of builtProfiles()) {
  Deno.test(`deno run -P=${profile.name} src/cli/entries/${profile.name}.ts serves`, async () => {
    await using dir = new TempDir();
    await using upstream = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("from the upstream"),
    );
    const port = freePort();
    const web = profileFeatures(profile).modules.some((module) => module.name === "web");
    dir.write("www/index.html", "from a file");
    const text = web ? siteConfig(port) : proxyConfig(port, upstream.addr.port);
    const config = dir.write("fluxheim.toml", text);
    await using gateway = new Process(Deno.execPath(), [
      "run",
      "--quiet",
      "--no-prompt",
      `-P=${profile.name}`,
      `src/cli/entries/${profile.name}.ts`,
      "--config",
      config,
    ], { cwd: ROOT });
    await gateway.listening(port);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await response.text(), web ? "from a file" : "from the upstream");
    assert.equal((await gateway.stop()).code, 0);
  });
}

Deno.test("a configuration that asks for an absent module is refused by its name", async () => {
  await using dir = new TempDir();
  const config = dir.write("fluxheim.toml", siteConfig(freePort()));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "-P=reverse-proxy",
      "src/cli/entries/reverse-proxy.ts",
      "--config",
      config,
      "--validate-config",
    ],
    cwd: ROOT,
  }).output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /web: needs the web module/);
});

Deno.test("what is generated from the profiles is up to date", async () => {
  assert.deepEqual(await staleFiles(), []);
});

/** Programs at fixed paths, which packages of the system or the operator put there. */
const FIXED_PROGRAMS =
  /^(?:\/usr\/(?:local\/)?sbin\/php-fpm[\d.]*|\/bin\/kill|\/usr\/libexec\/fluxheim\/(?:dns-hook|health-check))$/;

Deno.test("no profile may run another program than fixed ones, load a library or import from a host", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const { name } of builtProfiles()) {
    const { run, ffi } = permissions[name];
    assert.ok(run === false || Array.isArray(run), name);
    for (const program of run === false ? [] : run) assert.match(program, FIXED_PROGRAMS, name);
    assert.equal(ffi, false, name);
    assert.deepEqual(permissions[name].import, ["none.invalid:443"], name);
  }
});
