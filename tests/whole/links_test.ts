/** Links in web roots, under exactly the permissions that the configuration needs. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TestGateway } from "../testing/gateway.ts";
import { freePort, TempDir, until } from "../testing/peer.ts";

function config(root: string, symlinks: string): string {
  return `
[server]
listen = ["127.0.0.1:{port}"]
[web]
root = "${root}"
${symlinks === "" ? "" : `symlinks = "${symlinks}"`}
`;
}

/** Lays out files as Kubernetes does those of a ConfigMap; a second time, it swaps them at once. */
function mount(directory: string, version: string): void {
  Deno.mkdirSync(`${directory}/..${version}`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/..${version}/index.html`, version);
  Deno.symlinkSync(`..${version}`, `${directory}/..data_tmp`);
  Deno.renameSync(`${directory}/..data_tmp`, `${directory}/..data`);
  if (version === "v1") Deno.symlinkSync("..data/index.html", `${directory}/index.html`);
}

/** A release, and `current` turned to it. */
function release(directory: string, version: string): void {
  Deno.mkdirSync(`${directory}/releases/${version}`, { recursive: true });
  Deno.writeTextFileSync(`${directory}/releases/${version}/index.html`, version);
  Deno.symlinkSync(`releases/${version}`, `${directory}/next`);
  Deno.renameSync(`${directory}/next`, `${directory}/current`);
}

for (const symlinks of ["same-owner", "inside-root"]) {
  for (
    const [what, layOut, root] of [
      ["a ConfigMap", mount, ""],
      ["a root that is a link to a release", release, "/current"],
    ] as const
  ) {
    Deno.test(`${what} is served, and its next version, with symlinks = "${symlinks}"`, async () => {
      await using files = new TempDir();
      layOut(files.path, "v1");
      await using gateway = await TestGateway.start(config(files.path + root, symlinks));
      const page = async () => await (await fetch(gateway.url("/"))).text();
      assert.equal(await page(), "v1");
      layOut(files.path, "v2");
      await until("the next version is served", async () => await page() === "v2");
    });
  }
}

Deno.test("by default a link is not followed, and the log says so once, with the way out", async () => {
  await using files = new TempDir();
  mount(files.path, "v1");
  await using gateway = await TestGateway.start(config(files.path, ""));
  for (let i = 0; i < 3; i++) {
    const response = await fetch(gateway.url("/index.html"));
    assert.equal(response.status, 502);
    await response.body?.cancel();
  }
  const said = () => gateway.process.output.match(/symbolic link below .* is not followed/g) ?? [];
  await until("it is in the log", () => said().length > 0);
  assert.equal(said().length, 1);
  assert.match(gateway.process.output, /set symlinks = /);
});

Deno.test("a root that is a link is refused by default, with the key that allows it", async () => {
  await using files = new TempDir();
  release(files.path, "v1");
  const text = config(`${files.path}/current`, "").replace("{port}", String(freePort()));
  const path = files.write("gateway.toml", text);
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "src/main.ts", "--validate-config", "--config", path],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  }).output();
  const output = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  assert.notEqual(code, 0);
  assert.match(output, /web\.root: .*\/current must not be a symbolic link/);
  assert.match(output, /web\.symlinks to "same-owner" or "inside-root"/);
});
