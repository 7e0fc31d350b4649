/** TLS from streams to their upstreams (spec 01 section 4.3), and what breaks it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer, type TlsOptions, type TLSSocket } from "node:tls";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { TlsClient } from "../../src/net/testing/tls_client.ts";
import { PACED, TestGateway } from "../testing/gateway.ts";
import { freePort, until } from "../testing/peer.ts";
import { named, Peer, StreamGateway } from "../testing/streams.ts";

const authority = new TestAuthority();
const origin = authority.issue({ name: "origin.test", names: ["origin.test", "other.test"] });
const own = authority.issue({ name: "gateway.test" });
const FILES = {
  "ca/root.pem": authority.root,
  "ca/foreign.pem": new TestAuthority("Foreign").root,
  "ca/empty.pem": "",
  "ca/client.pem": own.cert,
  "ca/client.key": own.key,
};
const CA = 'upstream_ca_path = "{dir}/ca/root.pem"';
const CLIENT =
  'upstream_client_cert_path = "{dir}/ca/client.pem"\nupstream_client_key_path = "{dir}/ca/client.key"';

/** A TLS server that answers with what it saw of the handshake and what it was sent. */
class TlsPeer implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly server: ReturnType<typeof createServer>,
    serve: (socket: TLSSocket) => void,
  ) {
    server.on("secureConnection", serve);
    server.on("tlsClientError", () => {});
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
  }

  static async start(
    options: TlsOptions = {},
    serve: (socket: TLSSocket) => void = describe,
  ): Promise<TlsPeer> {
    const server = createServer({ cert: origin.cert, key: origin.key, ...options });
    const peer = new TlsPeer(server, serve);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return peer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}

function describe(socket: TLSSocket): void {
  const { servername } = socket as TLSSocket & { servername?: string };
  const { subject } = socket.getPeerCertificate() ?? {};
  const facts = `${servername || "-"} ${socket.alpnProtocol || "-"} ${subject?.CN ?? "-"}`;
  socket.on("error", () => {});
  socket.once("data", (data) => socket.end(`${facts} ${socket.getProtocol()} ${data}`));
}

function start(keys: string): Promise<StreamGateway> {
  return StreamGateway.start(`upstream_tls = true\n${keys}`, { files: FILES });
}

/** The answer to a word, without an end of the client's own before it. */
async function answer(gateway: StreamGateway): Promise<string> {
  using client = await gateway.connect();
  await client.write(new TextEncoder().encode("word"));
  const buffer = new Uint8Array(256);
  const count = await client.read(buffer).catch(() => null);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

Deno.test("the name asked for is upstream_sni, or the host of the upstream, and nothing by ALPN", async () => {
  await using peer = await TlsPeer.start({ ALPNProtocols: ["h2", "http/1.1"] });
  const upstream = `upstream = "127.0.0.1:${peer.port}"`;
  await using named = await start(`${upstream}\nupstream_sni = "origin.test"\n${CA}`);
  assert.equal(await answer(named), "origin.test - - TLSv1.3 word");
  await using local = await start(
    `upstream = "localhost:${peer.port}"\nupstream_dns_allow_private_addresses = true
upstream_verify_hostname = false\n${CA}`,
  );
  assert.equal(await answer(local), "localhost - - TLSv1.3 word");
});

Deno.test("chain and name are verified as the route says", async () => {
  await using peer = await TlsPeer.start();
  const upstream = `upstream = "127.0.0.1:${peer.port}"`;
  const ways: [string, boolean][] = [
    [`${CA}\nupstream_sni = "origin.test"`, true],
    [`${CA}\nupstream_sni = "stranger.test"`, false],
    [`${CA}\nupstream_sni = "stranger.test"\nupstream_alternative_cn = "other.test"`, true],
    // It replaces the name asked for, and is no further one.
    [`${CA}\nupstream_sni = "origin.test"\nupstream_alternative_cn = "stranger.test"`, false],
    [`${CA}\nupstream_sni = "stranger.test"\nupstream_verify_hostname = false`, true],
    [`${CA.replace("root", "foreign")}\nupstream_sni = "origin.test"`, false],
    [
      `${CA.replace("root", "foreign")}\nupstream_sni = "x.test"\nupstream_verify_hostname = false`,
      false,
    ],
    // Without a bundle of its own the platform's roots hold, and none of them has issued this.
    [`upstream_sni = "origin.test"`, false],
    [`upstream_verify_cert = false\nupstream_verify_hostname = false`, true],
  ];
  for (const [keys, works] of ways) {
    await using gateway = await start(`${upstream}\n${keys}`);
    assert.equal((await answer(gateway)).endsWith("word"), works, keys);
    const [outcome] = await gateway.outcomes(1);
    assert.equal(outcome, works ? "completed" : "error", keys);
    if (!works) await gateway.says(/fluxheim::stream.*test: 127\.0\.0\.1:\d+: tls/);
  }
});

Deno.test("an upstream that asks for a certificate gets the route's, and refuses without one", async () => {
  const options = { requestCert: true, rejectUnauthorized: true, ca: authority.root };
  await using peer = await TlsPeer.start(options);
  const keys = `upstream = "127.0.0.1:${peer.port}"\nupstream_sni = "origin.test"\n${CA}`;
  await using known = await start(`${keys}\n${CLIENT}`);
  assert.equal(await answer(known), "origin.test - gateway.test TLSv1.3 word");
  await using unknown = await start(keys);
  assert.equal(await answer(unknown), "");
});

Deno.test("a handshake that fails goes on to the next upstream", async () => {
  await using wrong = await TlsPeer.start({
    ...new TestAuthority("Foreign").issue({ name: "origin.test" }),
  });
  await using right = await TlsPeer.start();
  await using gateway = await start(
    `upstreams = ["127.0.0.1:${wrong.port}", "127.0.0.1:${right.port}"]
upstream_sni = "origin.test"\n${CA}`,
  );
  for (let i = 0; i < 4; i++) assert.match(await answer(gateway), /word$/);
});

Deno.test("a handshake that does not end is over at connect_timeout_secs", async () => {
  await using silent = new Peer(async (connection) => {
    const buffer = new Uint8Array(1024);
    while (await connection.read(buffer) !== null);
  });
  await using gateway = await StreamGateway.start(
    `upstream = "127.0.0.1:${silent.port}"\nupstream_tls = true\nupstream_sni = "origin.test"
connect_timeout_secs = 3`,
    { build: PACED },
  );
  assert.equal(await answer(gateway), "");
  assert.deepEqual(await gateway.outcomes(1), ["timeout"]);
});

Deno.test("files that hold nothing of use keep the gateway from starting, by the name of their key", async () => {
  await assert.rejects(
    start(
      `upstream = "127.0.0.1:1"\nupstream_sni = "origin.test"\nupstream_ca_path = "{dir}/ca/empty.pem"`,
    ),
    /upstream_ca_path/,
  );
  await assert.rejects(
    start(
      `upstream = "127.0.0.1:1"\nupstream_sni = "origin.test"\n${CA}\n${
        CLIENT.replace("client.key", "root.pem")
      }`,
    ),
    /upstream_client_key_path/,
  );
});

/** Tables of a gateway that ends TLS for the stream on this port, and what it asks of clients. */
function ending(port: number, upstream: number, auth = ""): string {
  return `[server]
listen = ["127.0.0.1:{port}"]
[server.process]
threads = 1
[tls]
enabled = true
certificates = [{ cert_path = "{dir}/tls/cert.pem", key_path = "{dir}/tls/key.pem" }]
${auth}
[logging]
level = "debug"
[stream]
enabled = true
access_log = true
[[stream.routes]]
name = "test"
listen_tls = ["127.0.0.1:${port}"]
upstream = "127.0.0.1:${upstream}"
`;
}

const ENDING = { "tls/cert.pem": origin.cert, "tls/key.pem": origin.key, "ca.pem": authority.root };

Deno.test("TLS of a stream ends here, half-closes both ways, and agrees on no protocol of HTTP", async () => {
  await using upstream = named("plain");
  const port = freePort();
  await using gateway = await TestGateway.start(ending(port, upstream.port), ENDING);
  await using client = await TlsClient.connect(port, {
    servername: "origin.test",
    ALPNProtocols: ["h2", "http/1.1"],
  }).catch(() => undefined) ?? await TlsClient.connect(port, { servername: "origin.test" });
  assert.equal(client.shown, "origin.test");
  client.write("GET / HTTP/1.1\r\n\r\n");
  client.socket.end();
  assert.equal(await client.read(), "plain:GET / HTTP/1.1\r\n\r\n");
  assert.equal(await client.read(), null);
  await until("it is over", () => /outcome=completed/.test(gateway.process.output));
});

Deno.test("a stream does not end at the runtime's own server, which cannot tell that one has broken off", async () => {
  await using upstream = named("plain");
  const port = freePort();
  const config = ending(port, upstream.port).replace("[tls]", "[tls]\nfast_listener = true");
  await using gateway = await TestGateway.start(config, ENDING);
  const { process } = gateway;
  await until("it is told", () => process.output.includes(`listening on 127.0.0.1:${port}`));
  assert.match(
    process.output,
    new RegExp(`listening on 127\\.0\\.0\\.1:${port} \\(tls \\(names\\)`),
  );
});

Deno.test("a stream that ends TLS serves only clients with a certificate where [tls.client_auth] says so", async () => {
  await using upstream = named("plain");
  const port = freePort();
  const auth = `[tls.client_auth]\nmode = "required"\nca_path = "{dir}/ca.pem"`;
  await using _ = await TestGateway.start(ending(port, upstream.port, auth), ENDING);
  const bare = connect({ port, host: "127.0.0.1", servername: "origin.test", ca: authority.root });
  let answered = "";
  bare.on("error", () => {}).on("data", (data) => answered += data);
  bare.write("x");
  await new Promise((resolve) => bare.once("close", resolve));
  assert.equal(answered, "");
  assert.equal(upstream.accepted, 0);
  await using client = await TlsClient.connect(port, { servername: "origin.test", ...own });
  client.write("x");
  client.socket.end();
  assert.equal(await client.read(), "plain:x");
});

Deno.test("A25: a client of listen_tls that does not read makes the upstream wait, and little is kept for it", async () => {
  let offered = 0;
  await using upstream = new Peer(async (connection) => {
    const piece = new Uint8Array(65_536);
    for (;;) offered += await connection.write(piece);
  });
  const port = freePort();
  const text = ending(port, upstream.port) + "idle_timeout_secs = 60\n";
  await using gateway = await TestGateway.start(text, ENDING, PACED);
  const { process } = gateway;
  const memory = () =>
    Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${process.pid}/status`))?.[1]);
  const before = memory();
  const clients: TlsClient[] = [];
  for (let i = 0; i < 10; i++) {
    const client = await TlsClient.connect(port, { servername: "origin.test" });
    client.stopReading();
    clients.push(client);
  }
  await until(
    "all sends are blocked, and ended for it",
    () => (process.output.match(/outcome=timeout/g) ?? []).length === 10,
  );
  assert.ok(offered > 0);
  // A socket's buffers are the system's; what the gateway has is bounded for each.
  assert.ok(memory() - before < 40 * 1024, `grew by ${memory() - before} KiB`);
  for (const client of clients) await client[Symbol.asyncDispose]();
});
