/** TLS listeners of the real program, met by curl and openssl (spec 05). */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { launchArguments, TestGateway } from "../testing/gateway.ts";
import { find, freePort, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { Upstream } from "../testing/upstream.ts";
import { authority, curl, pairFiles, pairTable, run, sClient, site } from "./testing/tls_site.ts";

const a = authority.issue({ name: "a.test", names: ["a.test"] });
const b = authority.issue({ name: "b.test", names: ["b.test"] });
const c = authority.issue({ name: "c.test", names: ["*.c.test"] });

const FILES: Readonly<Record<string, string>> = {
  "tls/root.pem": authority.root,
  ...pairFiles("a", a),
  ...pairFiles("b", b),
  ...pairFiles("c", c),
  "a/index.html": "page of a",
  "b/index.html": "page of b",
  "c/index.html": "page of c",
};

const ONE = `
[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
[tls]
enabled = true
certificates = [${pairTable("a")}]
`;

const SEVERAL = ONE + site("a", "a.test") + site("b", "b.test", "b") + site("c", "*.c.test", "c");

/** The same site through either terminator. */
const EITHER = ["", "fast_listener = true"].map((key) => `${ONE}${key}\n${site("a", "a.test")}`);

testWith(["curl"], "curl gets pages over HTTP/1.1 and HTTP/2 from either terminator", async () => {
  for (const config of EITHER) {
    await using gateway = await TestGateway.start(config, FILES);
    for (const version of ["--http1.1", "--http2"]) {
      const { out, err } = await curl(
        gateway,
        "https://a.test/",
        version,
        "-w",
        " %{http_version}",
      );
      assert.equal(out, `page of a ${version === "--http2" ? "2" : "1.1"}`, err);
    }
  }
});

testWith(["openssl"], "the name that is asked for chooses the certificate", async () => {
  await using gateway = await TestGateway.start(SEVERAL, FILES);
  const shown = async (...args: string[]) => (await sClient(gateway, ...args)).name;
  assert.equal(await shown("-servername", "b.test"), "b.test");
  assert.equal(await shown("-servername", "B.Test"), "b.test");
  assert.equal(await shown("-servername", "x.c.test"), "c.test");
  assert.equal(await shown("-servername", "y.x.c.test"), "a.test");
  assert.equal(await shown("-servername", "unknown.test"), "a.test");
  assert.equal(await shown("-noservername"), "a.test");
});

testWith(["curl"], "the name chooses the certificate only: the host chooses the page", async () => {
  await using gateway = await TestGateway.start(SEVERAL, FILES);
  const { out, err } = await curl(gateway, "https://b.test/", "-H", "Host: a.test");
  assert.equal(out, "page of a", err);
});

testWith(["openssl"], "versions and protocols follow the policy", async () => {
  const policies = [
    ["", "TLSv1.2", "h2"],
    ['alpn = "http1"', "TLSv1.2", "http/1.1"],
    ['profile = "modern"', "", "h2"],
  ] as const;
  for (const [policy, old, alpn] of policies) {
    const config = ONE.replace("enabled = true", `enabled = true\n${policy}`) + site("a", "a.test");
    await using gateway = await TestGateway.start(config, FILES);
    const young = await sClient(gateway, "-alpn", "h2,http/1.1");
    assert.deepEqual([young.version, young.alpn], ["TLSv1.3", alpn], policy);
    const capped = await sClient(gateway, "-tls1_2");
    assert.equal(capped.version, old, policy);
    if (old === "") assert.match(capped.text, /alert protocol version/);
  }
});

testWith(["openssl"], "a client without a common protocol gets the alert for it", async () => {
  for (const config of EITHER) {
    await using gateway = await TestGateway.start(config, FILES);
    const { text } = await sClient(gateway, "-alpn", "imap");
    assert.match(text, /alert no application protocol/);
  }
});

testWith(["openssl"], "a session is resumed", async () => {
  for (const config of EITHER) {
    await using gateway = await TestGateway.start(config, FILES);
    const session = `${gateway.dir.path}/session.pem`;
    const first = await run("sh", [
      "-c",
      `printf 'GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n' | ` +
      `openssl s_client -connect 127.0.0.1:${gateway.port} -tls1_3 -quiet ` +
      `-sess_out ${session}`,
    ]);
    assert.match(first.out, /page of a/);
    const { text } = await sClient(gateway, "-tls1_3", "-sess_in", session);
    assert.match(text, /^Reused, TLSv1\.3/m);
  }
});

const CLIENT = authority.issue({ name: "client.test", organization: "Example Org" });
const FOREIGN = new TestAuthority("Foreign").issue({ name: "client.test" });
const CLIENT_FILES = { ...FILES, ...pairFiles("client", CLIENT) };

function asking(mode: string): string {
  return ONE.replace(
    "enabled = true",
    `enabled = true\nclient_auth = { mode = "${mode}", ca_path = "{dir}/tls/root.pem" }`,
  );
}

testWith(["curl"], "a client certificate reaches access rules and the upstream", async () => {
  await using upstream = await Upstream.start((_request, response) => void response.end("ok"));
  const config = `${asking("optional")}
[[vhosts]]
name = "a"
hosts = ["a.test"]
[vhosts.proxy]
upstream = "127.0.0.1:${upstream.port}"
[vhosts.headers.request.set]
x-client = "{tls.client_cert_sha256} {tls.client_cert_serial} {tls.client_cert_organization}"
x-tls = "{tls.version}"
[[vhosts.routes]]
name = "private"
path_prefix = "/private"
[vhosts.routes.access]
allow_client_cert_sha256 = ["${CLIENT.sha256.toUpperCase()}"]
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
`;
  await using gateway = await TestGateway.start(config, CLIENT_FILES);
  const { path } = gateway.dir;
  const certificate = ["--cert", `${path}/tls/client.pem`, "--key", `${path}/tls/client.key`];
  const status = ["-o", "/dev/null", "-w", "%{http_code}", "-H", "x-client: forged"];
  assert.equal((await curl(gateway, "https://a.test/", ...status)).out, "200");
  assert.equal((await curl(gateway, "https://a.test/private", ...status)).out, "403");
  const known = await curl(gateway, "https://a.test/private", ...status, ...certificate);
  assert.equal(known.out, "200", known.err);
  const [anonymous, private_] = upstream.seen.map(({ headers }) => headers);
  assert.equal(anonymous["x-client"]?.toString().trim() ?? "", "");
  assert.equal(private_["x-client"], `${CLIENT.sha256} ${CLIENT.serial} Example Org`);
  assert.equal(private_["x-tls"], "TLSv1.3");
});

testWith(
  ["curl"],
  "where a client certificate is required, no client is served without",
  async () => {
    await using gateway = await TestGateway.start(asking("required") + site("a", "a.test"), {
      ...CLIENT_FILES,
      ...pairFiles("foreign", FOREIGN),
    });
    const { path } = gateway.dir;
    const certificate = (name: string) => [
      "--cert",
      `${path}/tls/${name}.pem`,
      "--key",
      `${path}/tls/${name}.key`,
    ];
    for (const version of ["1.2", "1.3"]) {
      const tls = ["--tlsv1.2", "--tls-max", version];
      const known = await curl(gateway, "https://a.test/", ...tls, ...certificate("client"));
      assert.equal(known.out, "page of a", known.err);
      assert.notEqual((await curl(gateway, "https://a.test/", ...tls)).code, 0);
      const refused = await curl(gateway, "https://a.test/", ...tls, ...certificate("foreign"));
      assert.notEqual(refused.code, 0);
      assert.equal(refused.out, "");
    }
  },
);

testWith(["curl"], "an optional client certificate that does not verify is refused", async () => {
  await using gateway = await TestGateway.start(asking("optional") + site("a", "a.test"), {
    ...FILES,
    ...pairFiles("foreign", FOREIGN),
  });
  const { path } = gateway.dir;
  const refused = await curl(
    gateway,
    "https://a.test/",
    "--cert",
    `${path}/tls/foreign.pem`,
    "--key",
    `${path}/tls/foreign.key`,
  );
  assert.notEqual(refused.code, 0);
  assert.equal((await curl(gateway, "https://a.test/")).out, "page of a");
});

testWith(["haproxy", "curl"], "HAProxy's PROXY headers come before TLS", async () => {
  for (const [version, option] of [["v1", "send-proxy"], ["v2", "send-proxy-v2"]]) {
    await using upstream = await Upstream.start((request, response) =>
      void response.end(String(request.headers["x-forwarded-for"]))
    );
    const config = ONE.replace(
      "listen = []",
      `listen = []\nproxy_protocol = "${version}"\ntrusted_proxies = ["127.0.0.1"]`,
    ) + `[[vhosts]]\nname = "a"\nhosts = ["a.test"]\n[vhosts.proxy]\n` +
      `upstream = "127.0.0.1:${upstream.port}"\n`;
    await using gateway = await TestGateway.start(config, FILES);
    await using dir = new TempDir();
    const port = freePort();
    const path = dir.write(
      "haproxy.cfg",
      `defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  source 127.0.0.1
  server gateway 127.0.0.1:${gateway.port} ${option}
`,
    );
    await using haproxy = new Process(find("haproxy")!, ["-f", path, "-db"]);
    await haproxy.listening(port);
    const { out, err } = await run("curl", [
      "--silent",
      "--show-error",
      "--cacert",
      `${gateway.dir.path}/tls/root.pem`,
      "--interface",
      "127.0.0.9",
      "--connect-to",
      `::127.0.0.1:${port}`,
      "https://a.test/",
    ]);
    assert.equal(out, "127.0.0.9", err);
    const direct = await curl(gateway, "https://a.test/");
    assert.equal(direct.out, "", "without the header there is no answer");
    assert.notEqual(direct.code, 0);
  }
});

/** The messages of a gateway that must not start. */
async function refusal(config: string, files: Readonly<Record<string, string>>): Promise<string> {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(files)) dir.write(name, content);
  const text = config.replaceAll("{port}", String(freePort())).replaceAll("{dir}", dir.path);
  const path = dir.write("fluxheim.toml", text);
  await using process = new Process(Deno.execPath(), await launchArguments(path));
  const { code } = await process.ended;
  assert.equal(code, 1);
  await process.stop();
  return process.output;
}

Deno.test("certificates that cannot serve keep the program from starting, by key", async () => {
  const mixed = { ...FILES, "tls/a.key": b.key };
  assert.match(await refusal(ONE, mixed), /tls\.certificates\[0\]\.key_path.* is not the key/);
  const without = Object.fromEntries(
    Object.entries(FILES).filter(([name]) => name !== "tls/a.pem"),
  );
  assert.match(await refusal(ONE, without), /tls\.certificates\[0\]\.cert_path.* does not exist/);
});

testWith(["curl"], "TLS secrets are written to a file only where that is asked for", async () => {
  await using dir = new TempDir();
  for (const [name, content] of Object.entries(FILES)) dir.write(name, content);
  const port = freePort();
  const [, fast] = EITHER;
  const text = fast.replaceAll("{port}", String(port));
  const path = dir.write("fluxheim.toml", text.replaceAll("{dir}", dir.path));
  const secrets = `${dir.path}/secrets`;
  const env = { SSLKEYLOGFILE: secrets };
  const args = await launchArguments(path);
  await using refused = new Process(Deno.execPath(), args, { env });
  await assert.rejects(refused.listening(port), /ended with 1 before it listened/);
  await refused.stop();
  assert.match(refused.output, /SSLKEYLOGFILE is set/);
  await using allowed = new Process(Deno.execPath(), [...args, "--allow-key-log"], { env });
  await allowed.listening(port);
  const root = `${dir.path}/tls/root.pem`;
  const { out, err } = await run("curl", [
    ...["--silent", "--show-error", "--cacert", root],
    ...["--connect-to", `::127.0.0.1:${port}`, "https://a.test/"],
  ]);
  assert.equal(out, "page of a", err);
  assert.match(Deno.readTextFileSync(secrets), /^SERVER_TRAFFIC_SECRET_0 /m);
  await allowed.stop();
  assert.match(allowed.output, /"level":"WARN".*SSLKEYLOGFILE is set/);
});

Deno.test("a listener lists its terminator", async () => {
  await using gateway = await TestGateway.start(SEVERAL, FILES);
  await until("it is said", () => /listening on .* \(tls \(names\)\)/.test(gateway.process.output));
});
