import assert from "node:assert/strict";
import { ROOT } from "./entry_files.ts";

async function task(
  name: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${ROOT}src/cli/tasks/${name}.ts`, ...args],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("validate-features expands a set and writes an entry that runs", async () => {
  const name = `test-${Deno.pid}`;
  const files = ["", "_profile", "_worker"].map((part) => `${ROOT}dist/custom/${name}${part}.ts`);
  try {
    const { code, out } = await task("validate_features", "--name", name, "web,compression-gzip");
    assert.equal(code, 0);
    assert.equal(
      out,
      `proxy\nweb\ningress\ncompression\ncompression-gzip\n\nentry: dist/custom/${name}.ts\n`,
    );
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", files[0], "--version", "--json"],
    }).output();
    assert.ok(success);
    const { profile, modules } = JSON.parse(new TextDecoder().decode(stdout));
    assert.equal(profile, name);
    assert.ok(modules.includes("compression-gzip") && !modules.includes("compression-zstd"));
  } finally {
    for (const file of files) await Deno.remove(file);
  }
});

Deno.test("validate-features refuses with every reason, on standard error", async () => {
  const { code, out, err } = await task("validate_features", "profile-privacy,metrics,geopi");
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /privacy-mode excludes metrics/);
  assert.match(err, /unknown module "geopi"; did you mean "geoip"\?/);
});

Deno.test("validate-features without a set is wrong usage", async () => {
  assert.equal((await task("validate_features")).code, 2);
  assert.equal((await task("validate_features", "--name", "A b", "web")).code, 2);
});

Deno.test("profile tells what is in a profile, by its name or its alias", async () => {
  const { code, out } = await task("profile", "profile-privacy");
  assert.equal(code, 0);
  assert.match(out, /^permissions: permissions\/privacy\.json$/m);
  assert.match(out, /^ {2}privacy-mode$/m);
});

Deno.test("profile refuses one that is not built by what it lacks", async () => {
  const { code, err } = await task("profile", "fips-rustls");
  assert.equal(code, 1);
  assert.match(err, /tls-rustls-fips/);
});

Deno.test("a mistyped profile gets a suggestion, of every task that takes one", async () => {
  for (const name of ["profile", "compile"]) {
    const { code, err } = await task(name, "developmet");
    assert.equal(code, 1);
    assert.match(err, /unknown profile "developmet"; did you mean "development"\?/);
  }
});

Deno.test("profile runs the program under the set of the same name", async () => {
  const { code, out } = await task("profile", "static-site", "--", "--version", "--json");
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).profile, "static-site");
});
