/** Routing by SNI and ALPN without ending TLS, beside HTTPS on the same port (docs/streams.md). */
import assert from "node:assert/strict";
import { TlsClient } from "../../src/net/testing/tls_client.ts";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { find, freePort, nginx, Process, TempDir, testWith, until } from "../testing/peer.ts";
import { close, named, readText, StreamGateway } from "../testing/streams.ts";

const authority = new TestAuthority();

/** What curl gets of `https://name:port/`, whose certificate it verifies, and the HTTP version. */
async function curl(port: number, name: string, root: string, ...more: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(find("curl")!, {
    args: [
      ...["-sS", "-m", "20", "--cacert", root, "--connect-to", `${name}:${port}:127.0.0.1:${port}`],
      ...["-w", " %{http_version}", ...more, `https://${name}:${port}/`],
    ],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Files of a certificate for `name`. */
function pair(dir: TempDir, name: string): { cert: string; key: string } {
  const { cert, key } = authority.issue({ name });
  return { cert: dir.write(`${name}/cert.pem`, cert), key: dir.write(`${name}/key.pem`, key) };
}

testWith(
  ["nginx", "haproxy", "curl"],
  "one port serves HTTPS here and passes TLS on to nginx and HAProxy by name",
  async () => {
    await using dir = new TempDir();
    const root = dir.write("root.pem", authority.root);
    const [own, nginxPair, haproxyPair] = ["own.test", "one.test", "two.b.test"]
      .map((name) => pair(dir, name));
    await using first = await nginx(
      `server { listen 127.0.0.1:{port} ssl http2; ssl_certificate ${nginxPair.cert};
         ssl_certificate_key ${nginxPair.key}; location / { return 200 "nginx $server_protocol"; } }`,
    );
    const second = freePort();
    const both = dir.write(
      "both.pem",
      Deno.readTextFileSync(haproxyPair.cert) + Deno.readTextFileSync(haproxyPair.key),
    );
    const config = dir.write(
      "haproxy.cfg",
      `defaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s
frontend f\n  bind 127.0.0.1:${second} ssl crt ${both} accept-proxy
  http-request return status 200 content-type text/plain lf-string "haproxy %[src]"\n`,
    );
    await using haproxy = new Process(find("haproxy")!, ["-f", config, "-db"]);
    await haproxy.listening(second);
    const port = freePort();
    await using gateway = await TestGateway.start(`
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${port}"]
[logging]
level = "debug"
[tls]
enabled = true
certificates = [{ cert_path = "${own.cert}", key_path = "${own.key}" }]
[[vhosts]]
name = "own"
hosts = ["own.test"]
redirect = { enabled = true, to = "https://there.test/" }
[stream]
enabled = true
access_log = true
[[stream.routes]]
name = "one"
listen = ["127.0.0.1:${port}"]
match_sni = ["one.test"]
upstream = "127.0.0.1:${first.port}"
[[stream.routes]]
name = "two"
listen = ["127.0.0.1:${port}"]
match_sni = ["*.b.test"]
upstream = "127.0.0.1:${second}"
upstream_proxy_protocol = "v2"
deny_sources = ["127.0.0.9"]
[[stream.routes]]
name = "own-acme"
listen = ["127.0.0.1:${port}"]
match_sni = ["own.test"]
match_alpn = ["acme-tls/1"]
upstream = "127.0.0.1:${first.port}"
`);
    assert.equal(await curl(port, "one.test", root), "nginx HTTP/2.0 2");
    assert.equal(await curl(port, "two.b.test", root), "haproxy 127.0.0.1 1.1");
    assert.match(await curl(port, "own.test", root, "-D", "-"), /^HTTP\/[0-9.]+ 30[1278] /);
    // The name is served here, but for clients that offer this protocol.
    await TlsClient.connect(port, { servername: "own.test", ALPNProtocols: ["acme-tls/1"] })
      .then((client) => client[Symbol.asyncDispose](), () => {});
    const lines = () => gateway.process.output.match(/route=\\"[a-z-]+\\"/g) ?? [];
    await until("three are over", () => lines().length >= 3);
    assert.deepEqual(lines().slice(0, 3), [
      'route=\\"one\\"',
      'route=\\"two\\"',
      'route=\\"own-acme\\"',
    ]);
    await assert.rejects(curl(port, "two.b.test", root, "--interface", "127.0.0.9"));
    assert.equal((await gateway.process.stop()).code, 0);
  },
);

testWith(["curl"], "names that no route has are served here, whatever they offer", async () => {
  await using dir = new TempDir();
  const root = dir.write("root.pem", authority.root);
  const own = pair(dir, "own.test");
  const port = freePort();
  await using upstream = named("up");
  await using _ = await TestGateway.start(`
[server]
listen = ["127.0.0.1:{port}"]
tls_listen = ["127.0.0.1:${port}"]
[tls]
enabled = true
certificates = [{ cert_path = "${own.cert}", key_path = "${own.key}" }]
[[vhosts]]
name = "own"
hosts = ["own.test"]
redirect = { enabled = true, to = "https://there.test/" }
[stream]
enabled = true
[[stream.routes]]
name = "one"
listen = ["127.0.0.1:${port}"]
match_sni = ["one.test"]
upstream = "127.0.0.1:${upstream.port}"
`);
  const head = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
  assert.match(await curl(port, "own.test", root, ...head), /^30[1278] [12]/);
  assert.equal(upstream.accepted, 0);
  // A stream of the same port arrives to the byte, and the end of one direction is not that of the other.
  const hello = await helloOf("one.test");
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(hello);
  await client.closeWrite();
  assert.equal(await readText(client), `up:${new TextDecoder().decode(hello)}`);
  assert.equal(upstream.accepted, 1);
});

Deno.test("a hello that does not come in time, or for which there is no route, ends the connection", async () => {
  await using upstream = named("up");
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"\nmatch_sni = ["one.test"]`,
    { build: PACED },
  );
  using silent = await gateway.connect();
  assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
  await gateway.says(/no TLS hello in time/);
  assert.equal(await gateway.ask("GET / HTTP/1.1\r\n\r\n").catch(() => ""), "");
  // Refusals make one line a second: the first of another kind may be one of those that are only counted.
  await until("the name is reported", async () => {
    await assert.rejects(TlsClient.connect(gateway.port, { servername: "two.test" }));
    return /no route for the name/.test(gateway.log);
  });
  assert.equal(upstream.accepted, 0);
  assert.deepEqual(gateway.logged("outcome"), []);
});

Deno.test("what is not TLS goes to the route without names, from its first byte", async () => {
  await using upstream = named("plain");
  await using tls = named("tls");
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"`,
    {
      more: `[[stream.routes]]
name = "named"
listen = ["127.0.0.1:{stream}"]
match_sni = ["one.test"]
upstream = "127.0.0.1:${tls.port}"
`,
    },
  );
  assert.equal(await gateway.ask("hello"), "plain:hello");
  const client = TlsClient.connect(gateway.port, { servername: "one.test" }).catch(() => undefined);
  await until("the hello is passed on", () => tls.accepted === 1);
  await gateway.gateway.process.stop();
  await client;
  assert.equal(upstream.accepted, 1);
});

Deno.test("after a PROXY header the client of the header is judged by the route that the name chooses", async () => {
  await using upstream = named("up");
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${upstream.port}"
match_sni = ["one.test"]
downstream_proxy_protocol = "v1"
trusted_proxies = ["127.0.0.1"]
allow_sources = ["192.0.2.1"]`,
  );
  const hello = await helloOf("one.test");
  for (const [address, outcome] of [["192.0.2.1", "completed"], ["192.0.2.2", "rejected"]]) {
    using client = await gateway.connect();
    const header = new TextEncoder().encode(`PROXY TCP4 ${address} 127.0.0.1 1 2\r\n`);
    await client.write(Uint8Array.of(...header, ...hello));
    await client.closeWrite().catch(() => {});
    const answer = await readText(client).catch(() => "");
    assert.equal(answer.startsWith("up:"), outcome === "completed");
    await until("it is logged", () => gateway.logged("outcome").includes(outcome));
  }
  close(await gateway.connect());
});

/** The first bytes of a TLS client. */
async function helloOf(servername: string): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = TlsClient.connect(listener.addr.port, { servername }).catch(() => undefined);
  const connection = await listener.accept();
  const buffer = new Uint8Array(16_384);
  const count = await connection.read(buffer);
  connection.close();
  await client;
  return buffer.slice(0, count ?? 0);
}
