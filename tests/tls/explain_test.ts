/** What `fluxheim explain` tells of TLS listeners (docs/tls.md, "Two terminators"). */
import assert from "node:assert/strict";
import { runCli } from "../../src/cli/testing/run.ts";
import { profile } from "../../src/profiles/development.ts";
import { TempDir } from "../testing/peer.ts";
import { authority, pairFiles, pairTable, site } from "./testing/tls_site.ts";

const FILES = {
  "tls/root.pem": authority.root,
  ...pairFiles("a", authority.issue({ name: "a.test" })),
  ...pairFiles("b", authority.issue({ name: "b.test" })),
  "a/index.html": "page of a",
};

/** The line about the listener of a configuration with more in its tables. */
async function listenerLine(server: string, tls: string, vhost: string): Promise<string> {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(FILES)) dir.write(name, content);
  const text = `[server]
listen = []
tls_listen = ["127.0.0.1:8443"]
${server}
[tls]
enabled = true
certificates = [${pairTable("a")}]
${tls}
${site("a", "a.test")}
${vhost}`;
  const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
  const { status, out, err } = await runCli(profile, "explain", "-c", path, "https://a.test:8443/");
  assert.equal(status, 0, err);
  return /^ {2}\* +127\.0\.0\.1:8443 +(.*);/m.exec(out)?.[1] ?? out;
}

for (
  const [terminator, server, tls, vhost] of [
    ["tls (names)", "", "", ""],
    ["tls (static certificate)", "", "fast_listener = true", ""],
    ["tls (names, for certificates by name)", "", "", site("b", "b.test", "b")],
    [
      "tls (names, for client certificates)",
      "",
      'client_auth = { mode = "optional", ca_path = "{dir}/tls/root.pem" }',
      "",
    ],
    [
      "tls (names, for PROXY headers), PROXY v2",
      'proxy_protocol = "v2"\ntrusted_proxies = ["127.0.0.1"]',
      "",
      "",
    ],
    ["tls (names, for TLS 1.3 alone)", "", 'profile = "modern"', ""],
    [
      "tls (names, for {tls.version} or {tls.cipher} in a header)",
      "",
      "",
      '[vhosts.headers.request.set]\nx-tls = "{tls.version}"',
    ],
  ] as const
) {
  Deno.test(`explain shows the terminator "${terminator}"`, async () => {
    assert.equal(await listenerLine(server, tls, vhost), terminator);
  });
}

for (const mode of ["optional", "required"]) {
  const has = mode === "required" ? "with" : "without";
  Deno.test(`values of a TLS connection are shown as unknown, ${has} a certificate where one is ${mode}`, async () => {
    await using dir = new TempDir();
    for (const [name, content] of Object.entries(FILES)) dir.write(name, content);
    const text = `[server]
listen = []
tls_listen = ["127.0.0.1:8443"]
[tls]
enabled = true
certificates = [${pairTable("a")}]
client_auth = { mode = "${mode}", ca_path = "{dir}/tls/root.pem" }
[proxy]
upstream = "127.0.0.1:9"
[headers.request.set]
x-tls = "{tls.version}"
x-certificate = "{tls.client_cert_serial}"
`;
    const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
    const url = "https://a.test:8443/";
    const { status, out, err } = await runCli(profile, "explain", "--json", "-c", path, url);
    assert.equal(status, 0, err);
    const sends: string[] = JSON.parse(out).outcome.sends;
    assert.ok(sends.includes("x-tls: (tls.version, known when a client connects)"), out);
    const certificate = sends.filter((line) => line.startsWith("x-certificate"));
    assert.deepEqual(
      certificate,
      mode === "required"
        ? ["x-certificate: (tls.client_cert_serial, known when a client connects)"]
        : [],
    );
  });
}

Deno.test("files that are not fit to serve with are reported by key, and nothing is explained", async () => {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(FILES)) dir.write(name, content);
  const { key } = authority.issue({ name: "other.test" });
  dir.write("tls/a.key", key);
  const text = `[server]
listen = []
tls_listen = ["127.0.0.1:8443"]
[tls]
enabled = true
certificates = [${pairTable("a")}]
${site("a", "a.test", "none")}`;
  const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
  const { status, out, err } = await runCli(profile, "explain", "-c", path, "https://a.test:8443/");
  assert.equal(status, 1);
  assert.equal(out, "");
  const told = err.split("\n").map((line) => line.replaceAll(dir.path, "{dir}"));
  assert.ok(
    told.some((line) =>
      line.endsWith(
        "tls.certificates[0].key_path: {dir}/tls/a.key is not the key of the certificate",
      )
    ),
    err,
  );
  assert.ok(
    told.some((line) =>
      line.endsWith("vhosts[0].tls.certificate.cert_path: {dir}/tls/none.pem does not exist")
    ),
    err,
  );
});
