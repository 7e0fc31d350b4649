/** `--check-tls-storage` of the real program, on real files (spec 05 section 3.6). */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TempDir } from "../testing/peer.ts";
import { authority, pairFiles, pairTable, run, site } from "./testing/tls_site.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const CONFIG = `[server]
listen = []
tls_listen = ["127.0.0.1:8443"]
[tls]
enabled = true
certificates = [${pairTable("a")}]
` + site("b", "b.test", "b");

/** What it says of two pairs whose files `spoil` has done something to. */
async function checked(spoil: (dir: TempDir) => void): Promise<{ code: number; said: string[] }> {
  await using dir = new TempDir();
  for (const name of ["a", "b"]) {
    const files = pairFiles(name, authority.issue({ name: `${name}.test` }));
    for (const [file, content] of Object.entries(files)) dir.write(file, content);
  }
  dir.write("b/index.html", "page of b");
  spoil(dir);
  const config = dir.write("fluxheim.toml", CONFIG.replaceAll("{dir}", dir.path));
  const flags = ["run", "-A", "-q", main, "--check-tls-storage", "--config", config];
  const { code, out, err } = await run(Deno.execPath(), flags);
  const said = (out + err).replaceAll(dir.path, "").trimEnd().split("\n");
  return { code, said };
}

Deno.test("keys and certificates that are kept well pass the storage check", async () => {
  const { code, said } = await checked(() => {});
  assert.deepEqual(said, ["TLS storage check passed"]);
  assert.equal(code, 0);
});

Deno.test("the storage check finds keys of global and vhost pairs that others may read", async () => {
  const { code, said } = await checked((dir) => {
    Deno.chmodSync(`${dir.path}/tls/a.key`, 0o644);
    Deno.chmodSync(`${dir.path}/tls/b.key`, 0o640);
  });
  const ought = "a private key is its owner's alone, 0600";
  assert.deepEqual(said, [
    `TLS storage issue: tls.certificates[0]: /tls/a.key has mode 0644: ${ought}`,
    `TLS storage issue: vhosts.b.tls.certificate: /tls/b.key has mode 0640: ${ought}`,
    "fluxheim: TLS storage check found 2 issue(s)",
  ]);
  assert.equal(code, 1);
});

Deno.test("the storage check finds files that are missing, and what is not a file", async () => {
  const { code, said } = await checked((dir) => {
    Deno.removeSync(`${dir.path}/tls/a.key`);
    Deno.removeSync(`${dir.path}/tls/b.pem`);
    Deno.mkdirSync(`${dir.path}/tls/b.pem`);
  });
  assert.deepEqual(said, [
    "TLS storage issue: tls.certificates[0]: /tls/a.key does not exist",
    "TLS storage issue: vhosts.b.tls.certificate: /tls/b.pem is not a regular file",
    "fluxheim: TLS storage check found 2 issue(s)",
  ]);
  assert.equal(code, 1);
});
