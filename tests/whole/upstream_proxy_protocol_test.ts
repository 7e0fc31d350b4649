/** PROXY headers to upstreams (spec 02 section 9.7), read by nginx and HAProxy. */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { RawUpstream } from "../peers/raw_upstream.ts";
import { TestGateway } from "../testing/gateway.ts";
import { find, freePort, nginx, Process, TempDir, testWith } from "../testing/peer.ts";

function config(port: number, proxy: string, server = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
${server}
[proxy]
upstream = "127.0.0.1:${port}"
${proxy}
`;
}

async function text(url: string, headers: Record<string, string> = {}): Promise<string> {
  return await (await fetch(url, { headers })).text();
}

for (const version of ["v1", "v2"]) {
  testWith(
    ["nginx"],
    `nginx reads a ${version} header: the client and where it came to`,
    async () => {
      await using peer = await nginx(
        `server { listen 127.0.0.1:{port} proxy_protocol; location / { return 200
       "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; } }`,
      );
      await using gateway = await TestGateway.start(
        config(peer.port, `upstream_proxy_protocol = "${version}"`),
      );
      const [address, port, serverAddress, serverPort] = (await text(gateway.url("/"))).split(" ");
      assert.equal(address, "127.0.0.1");
      assert.ok(Number(port) > 1024);
      assert.equal(serverAddress, "127.0.0.1");
      assert.equal(serverPort, String(gateway.port));
    },
  );

  testWith(
    ["nginx"],
    `a client behind a trusted proxy has port 0 in a ${version} header`,
    async () => {
      await using peer = await nginx(
        `server { listen 127.0.0.1:{port} proxy_protocol; location / { return 200
       "$proxy_protocol_addr $proxy_protocol_port"; } }`,
      );
      await using gateway = await TestGateway.start(
        config(
          peer.port,
          `upstream_proxy_protocol = "${version}"`,
          `trusted_proxies = ["127.0.0.1"]`,
        ),
      );
      const told = await text(gateway.url("/"), { "x-forwarded-for": "192.0.2.7" });
      // nginx writes port 0 as nothing.
      assert.equal(told, "192.0.2.7 ");
    },
  );
}

testWith(["haproxy"], "HAProxy reads it too", async () => {
  await using dir = new TempDir();
  const port = freePort();
  const path = dir.write(
    "haproxy.cfg",
    `defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"
`,
  );
  await using peer = new Process(find("haproxy")!, ["-f", path, "-db"]);
  await peer.listening(port);
  for (const version of ["v1", "v2"]) {
    await using gateway = await TestGateway.start(
      config(port, `upstream_proxy_protocol = "${version}"`, `trusted_proxies = ["127.0.0.1"]`),
    );
    const told = await text(gateway.url("/"), { "x-forwarded-for": "198.51.100.9" });
    assert.equal(told, `198.51.100.9 ${gateway.port}`);
  }
});

Deno.test("families that do not match are UNKNOWN in v1, and without addresses in v2", async () => {
  const received: string[] = [];
  const expected = ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"];
  for (const [index, version] of ["v1", "v2"].entries()) {
    await using upstream = new RawUpstream(async (connection) => {
      received.push(await connection.bytes(expected[index].length));
      await connection.head();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    await using gateway = await TestGateway.start(
      config(
        upstream.port,
        `upstream_proxy_protocol = "${version}"`,
        `trusted_proxies = ["127.0.0.1"]`,
      ),
    );
    await text(gateway.url("/"), { "x-forwarded-for": "2001:db8::1" });
  }
  assert.deepEqual(received, expected);
});

Deno.test("a connection that speaks for one client carries no other request", async () => {
  await using upstream = new RawUpstream(async (connection) => {
    await connection.through("\r\n");
    while (await connection.head() !== undefined) {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  await using gateway = await TestGateway.start(
    config(upstream.port, `upstream_proxy_protocol = "v1"`),
  );
  for (let i = 0; i < 3; i++) await text(gateway.url("/"));
  assert.equal(upstream.connections.length, 3);
});

testWith(["nginx"], "the header comes before TLS, and before HTTP/2", async () => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ name: "origin.test" });
  await using dir = new TempDir();
  const paths = { cert: dir.write("c.pem", cert), key: dir.write("k.pem", key) };
  await using peer = await nginx(
    `server { listen 127.0.0.1:{port} ssl http2 proxy_protocol;
       ssl_certificate ${paths.cert}; ssl_certificate_key ${paths.key};
       location / { return 200 "$proxy_protocol_addr $server_protocol"; } }`,
  );
  for (const [version, protocol] of [["http1", "HTTP/1.1"], ["http2", "HTTP/2.0"]]) {
    await using gateway = await TestGateway.start(
      config(
        peer.port,
        `upstream_proxy_protocol = "v2"
upstream_http_version = "${version}"
upstream_tls = true
upstream_sni = "origin.test"
upstream_ca_path = "{dir}/ca/root.pem"`,
        `trusted_proxies = ["127.0.0.1"]`,
      ),
      { "ca/root.pem": authority.root },
    );
    for (let i = 0; i < 3; i++) {
      const told = await text(gateway.url("/"), { "x-forwarded-for": `192.0.2.${i}` });
      assert.equal(told, `192.0.2.${i} ${protocol}`);
    }
  }
});
