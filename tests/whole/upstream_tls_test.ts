/** TLS to upstreams (spec 02 sections 9.1 and 9.3). */
import assert from "node:assert/strict";
import { createSecureServer } from "node:http2";
import { createServer, type ServerOptions } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

const authority = new TestAuthority();
const origin = authority.issue({ name: "origin.test", names: ["origin.test", "other.test"] });
const client = authority.issue({ name: "gateway.test" });

const FILES = {
  "ca/root.pem": authority.root,
  "ca/foreign.pem": new TestAuthority("Foreign").root,
  "ca/client.pem": client.cert,
  "ca/client.key": client.key,
};

const CA = 'upstream_ca_path = "{dir}/ca/root.pem"';
const SNI = 'upstream_sni = "origin.test"';

function config(port: number, proxy: string): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[proxy]
upstream = "127.0.0.1:${port}"
upstream_tls = true
${proxy}
`;
}

/** A TLS upstream that tells what it saw of the connection. */
class TlsUpstream implements AsyncDisposable {
  connections = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(readonly server: ReturnType<typeof createServer>) {
    server.on("secureConnection", (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {});
    });
  }

  static async start(options: ServerOptions = {}): Promise<TlsUpstream> {
    const server = createServer({ cert: origin.cert, key: origin.key, ...options }, describe);
    server.on("tlsClientError", () => {});
    const upstream = new TlsUpstream(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function describe(request: IncomingMessage, response: ServerResponse): void {
  const socket = request.socket as TLSSocket & { servername?: string };
  const { fingerprint256 = "" } = socket.getPeerCertificate() ?? {};
  const sha256 = fingerprint256.replaceAll(":", "").toLowerCase();
  response.end(`${socket.servername ?? ""} ${socket.alpnProtocol || "none"} ${sha256}`);
}

async function get(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

Deno.test("an upstream is verified by its own roots, asked for by its name, and kept", async () => {
  await using upstream = await TlsUpstream.start({ ALPNProtocols: ["http/1.1"] });
  await using gateway = await TestGateway.start(config(upstream.port, `${CA}\n${SNI}`), FILES);
  for (let i = 0; i < 5; i++) {
    assert.equal((await get(gateway.url("/"))).trim(), "200 origin.test http/1.1");
  }
  assert.equal(upstream.connections, 1);
});

for (
  const [name, proxy, reason] of [
    [
      "of another authority",
      `upstream_ca_path = "{dir}/ca/foreign.pem"\n${SNI}`,
      "does not lead to a trusted root",
    ],
    ["unknown to the platform's roots", SNI, "tls_certificate"],
    ["for another name", `${CA}\nupstream_sni = "wrong.test"`, "tls_name"],
  ]
) {
  Deno.test(`a certificate ${name} is a 502, and logged with its reason`, async () => {
    await using upstream = await TlsUpstream.start();
    await using gateway = await TestGateway.start(config(upstream.port, proxy), FILES);
    assert.equal(await get(gateway.url("/")), "502 ");
    await until("the reason is logged", () => gateway.process.output.includes(reason));
  });
}

for (
  const [name, proxy] of [
    [
      "upstream_alternative_cn is one more name that is accepted",
      `${CA}\nupstream_sni = "wrong.test"\nupstream_alternative_cn = "other.test"`,
    ],
    [
      "upstream_verify_hostname = false accepts any name of a trusted authority",
      `${CA}\nupstream_sni = "wrong.test"\nupstream_verify_hostname = false`,
    ],
    [
      "upstream_verify_cert = false accepts anything",
      `upstream_verify_cert = false\nupstream_verify_hostname = false\nupstream_sni = "wrong.test"`,
    ],
  ]
) {
  Deno.test(name, async () => {
    await using upstream = await TlsUpstream.start();
    await using gateway = await TestGateway.start(config(upstream.port, proxy), FILES);
    assert.match(await get(gateway.url("/")), /^200 wrong\.test/);
  });
}

Deno.test("a client certificate is shown to the upstream", async () => {
  await using upstream = await TlsUpstream.start({
    requestCert: true,
    rejectUnauthorized: true,
    ca: authority.root,
  });
  const identity = `upstream_client_cert_path = "{dir}/ca/client.pem"
upstream_client_key_path = "{dir}/ca/client.key"`;
  {
    await using gateway = await TestGateway.start(
      config(upstream.port, `${CA}\n${SNI}\n${identity}`),
      FILES,
    );
    assert.ok((await get(gateway.url("/"))).endsWith(client.sha256));
  }
  await using gateway = await TestGateway.start(config(upstream.port, `${CA}\n${SNI}`), FILES);
  assert.equal(await get(gateway.url("/")), "502 ");
});

Deno.test("two ways to verify one upstream never share a connection", async () => {
  await using upstream = await TlsUpstream.start();
  const route = (path: string, proxy: string) =>
    `[[vhosts.routes]]
name = "${path}"
path_prefix = "/${path}"
[vhosts.routes.proxy]
upstream = "127.0.0.1:${upstream.port}"
upstream_tls = true
${proxy}
`;
  const text = `[server]
listen = ["127.0.0.1:{port}"]
[[vhosts]]
name = "a"
hosts = ["127.0.0.1"]
${route("verified", `${CA}\n${SNI}`)}
${route("other-name", `${CA}\nupstream_sni = "other.test"`)}
${route("again", `${CA}\n${SNI}`)}
${
    route(
      "unverified",
      `${SNI}\nupstream_verify_cert = false\nupstream_verify_hostname = false`,
    )
  }
`;
  await using gateway = await TestGateway.start(text, FILES);
  for (const path of ["verified", "other-name", "again", "unverified"]) {
    assert.match(await get(gateway.url(`/${path}`)), /^200/);
    assert.match(await get(gateway.url(`/${path}`)), /^200/);
  }
  assert.equal(upstream.connections, 3);
});

Deno.test("HTTP/2 or HTTP/1.1 is what the upstream chooses, unless only one will do", async () => {
  const server = createSecureServer(
    { cert: origin.cert, key: origin.key, allowHTTP1: true },
    (request, response) => void response.end(request.httpVersion),
  );
  server.on("sessionError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using old = await TlsUpstream.start({ ALPNProtocols: ["http/1.1"] });
  const answers: string[] = [];
  for (
    const [to, version] of [
      [port, "http1"],
      [port, "http2"],
      [port, "http1-and-http2"],
      [old.port, "http1-and-http2"],
      [old.port, "http2"],
    ] as const
  ) {
    const keys = `${CA}\n${SNI}\nupstream_http_version = "${version}"`;
    await using gateway = await TestGateway.start(config(to, keys), FILES);
    const all = await Promise.all(Array.from({ length: 8 }, () => get(gateway.url("/"))));
    assert.equal(new Set(all).size, 1);
    answers.push(all[0].trim());
  }
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(answers, [
    "200 1.1",
    "200 2.0",
    "200 2.0",
    "200 origin.test http/1.1",
    "502",
  ]);
});
