import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";
import { Clock } from "../clock.ts";
import { dial, DialError, targetKey, type UpstreamTarget, type UpstreamTls } from "./dial.ts";
import { closeQuietly, writeAll } from "../duplex.ts";
import { parseProxyHeader } from "../listen/proxy_protocol.ts";
import { TestAuthority } from "../testing/certificates.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const authority = new TestAuthority();
const origin = authority.issue({ name: "origin.test", names: ["origin.test", "other.test"] });

/** What a TLS peer saw of a connection; it echoes what it reads. */
interface Seen {
  readonly serverName: string;
  readonly clientSha256: string;
  readonly source: string;
}

/** A TLS upstream; one with `header` expects a PROXY header first. */
class Peer {
  readonly seen: Seen[] = [];
  readonly #listener = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #tls;
  readonly #header: "v1" | "v2" | undefined;
  #sockets = new Set<Socket>();
  #ends: Promise<unknown>[] = [];

  constructor(options: TlsOptions, header?: "v1" | "v2") {
    this.#header = header;
    this.#tls = createTlsServer({ cert: origin.cert, key: origin.key, ...options });
    this.#tls.on("tlsClientError", () => {});
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#listener.listen(0, "127.0.0.1", resolve));
    const address = this.#listener.address();
    assert.ok(address !== null && typeof address === "object");
    return address.port;
  }

  /** Waits until every connection so far has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#ends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    if (this.#header === undefined) return this.#secure(socket, "");
    const version = this.#header;
    socket.once("data", (bytes: Uint8Array) => {
      socket.pause();
      const header = parseProxyHeader(version, bytes, bytes.length);
      assert.ok(header.state === "complete");
      socket.unshift(bytes.subarray(header.length));
      this.#secure(socket, header.source === undefined ? "" : header.source.address);
    });
  }

  #secure(socket: Socket, source: string): void {
    const end = Promise.withResolvers<void>();
    this.#ends.push(end.promise);
    socket.once("close", end.resolve);
    this.#tls.once("secureConnection", (secured: TLSSocket) => {
      secured.on("error", () => {});
      // After TLS has ended the socket below does not always report that it is closed.
      secured.once("end", end.resolve);
      const { fingerprint256 = "" } = secured.getPeerCertificate() ?? {};
      const clientSha256 = fingerprint256.replaceAll(":", "").toLowerCase();
      const serverName = "servername" in secured ? String(secured.servername ?? "") : "";
      this.seen.push({ serverName, clientSha256, source });
      secured.on("data", (bytes) => secured.write(bytes));
    });
    this.#tls.emit("connection", socket);
  }
}

const TLS: UpstreamTls = {
  serverName: "origin.test",
  verifyChain: true,
  verifyNames: ["origin.test"],
  roots: authority.root,
  client: undefined,
};

function target(port: number, options: Partial<UpstreamTarget> = {}): UpstreamTarget {
  return {
    host: "127.0.0.1",
    port,
    tls: undefined,
    version: "http1",
    proxyProtocol: "off",
    connectTimeoutMs: undefined,
    totalConnectTimeoutMs: undefined,
    ...options,
  };
}

/** Dials, says hello, closes; returns the protocol and what came back. */
async function greet(to: UpstreamTarget, source?: Parameters<typeof dial>[1]) {
  const { stream, protocol } = await dial(to, source, new Clock());
  await writeAll(stream, encoder.encode("hello"));
  const buffer = new Uint8Array(100);
  const count = await stream.read(buffer);
  stream.close();
  return { protocol, echo: decoder.decode(buffer.subarray(0, count ?? 0)) };
}

async function reasonOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(() => undefined, (error) => error);
  assert.ok(error instanceof DialError, String(error));
  return error.reason;
}

Deno.test("a cleartext upstream is reached, HTTP/2 by prior knowledge", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const versions = [
    ["http1", "http/1.1"],
    ["http2", "h2"],
    ["http1-and-http2", "http/1.1"],
  ] as const;
  for (const [version, protocol] of versions) {
    const dialed = await dial(target(port, { version }), undefined, new Clock());
    (await listener.accept()).close();
    assert.equal(dialed.protocol, protocol);
    dialed.stream.close();
  }
});

Deno.test("a refused connection is reported with the address", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const tls of [undefined, TLS]) {
    const error = await dial(target(port, { tls }), undefined, new Clock()).catch((e) => e);
    assert.ok(error instanceof DialError);
    assert.equal(error.reason, "refused");
    assert.match(error.message, new RegExp(`^127\\.0\\.0\\.1:${port}: .*refused`, "i"));
  }
});

Deno.test("a name that does not resolve is reported as such", async () => {
  for (const tls of [undefined, TLS]) {
    const to = { ...target(1, { tls }), host: "no-such-host.invalid" };
    assert.equal(await reasonOf(dial(to, undefined, new Clock())), "dns");
  }
});

Deno.test({
  name: "an upstream without permission is told as such",
  permissions: { net: ["127.0.0.1:1"] },
  fn: async () => {
    for (const tls of [undefined, TLS]) {
      for (const host of ["127.0.0.2", "localhost"]) {
        const to = { ...target(1, { tls }), host };
        assert.equal(await reasonOf(dial(to, undefined, new Clock())), "not_permitted");
      }
    }
  },
});

Deno.test("an upstream that does not accept is given up in time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const queued: Promise<Deno.TcpConn>[] = [];
  const filler = new AbortController();
  // The queue holds a few; the kernel answers no one after that.
  for (let i = 0; i < 8; i++) {
    queued.push(Deno.connect({ hostname: "127.0.0.1", port, signal: filler.signal }));
  }
  await queued[0];
  for (const tls of [undefined, TLS]) {
    const clock = new Clock();
    const attempt = dial(target(port, { tls, connectTimeoutMs: 1000 }), undefined, clock);
    const reason = reasonOf(attempt);
    clock.tick(clock.now + 1001);
    assert.equal(await reason, "timeout");
  }
  filler.abort();
  for (const result of await Promise.allSettled(queued)) {
    if (result.status === "fulfilled") result.value.close();
  }
});

Deno.test("a handshake that stalls is given up in time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const byRuntime = { ...TLS, roots: undefined };
  for (const tls of [TLS, byRuntime]) {
    const clock = new Clock();
    const to = target(listener.addr.port, { tls, totalConnectTimeoutMs: 1000 });
    const attempt = dial(to, undefined, clock);
    const reason = reasonOf(attempt);
    using peer = await listener.accept();
    // Its ClientHello: the handshake is under way.
    await peer.read(new Uint8Array(4096));
    clock.tick(clock.now + 999);
    clock.tick(clock.now + 2);
    assert.equal(await reason, "timeout");
  }
});

Deno.test("a connection outlives the time limits it was made within", async () => {
  await using peer = new Peer({});
  const limits = { connectTimeoutMs: 1000, totalConnectTimeoutMs: 2000 };
  const clock = new Clock();
  const to = target(await peer.listen(), { tls: TLS, ...limits });
  const { stream } = await dial(to, undefined, clock);
  clock.tick(clock.now + 5000);
  await writeAll(stream, encoder.encode("hello"));
  assert.equal(await stream.read(new Uint8Array(100)), 5);
  stream.close();
});

Deno.test("a caller may cancel", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const caller = new AbortController();
  const to = target(listener.addr.port, { tls: TLS });
  const reason = reasonOf(dial(to, undefined, new Clock(), caller.signal));
  using peer = await listener.accept();
  await peer.read(new Uint8Array(4096));
  caller.abort();
  assert.equal(await reason, "aborted");
  const late = dial(to, undefined, new Clock(), caller.signal);
  assert.equal(await reasonOf(late), "aborted");
});

Deno.test("an attempt that is given up at any moment leaves no connection open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const byRuntime = { ...TLS, roots: undefined };
  for (const tls of [TLS, byRuntime]) {
    const to = target(listener.addr.port, { tls });
    // The runtime's own dialling is left with the first handshake that is given up.
    let isFirst = tls === byRuntime;
    for (let moment = 0; moment < 40; moment++) {
      const caller = new AbortController();
      const reason = reasonOf(dial(to, undefined, new Clock(), caller.signal));
      using peer = await listener.accept();
      if (isFirst) await peer.read(new Uint8Array(4096));
      for (let i = 0; i < moment; i++) {
        await (i % 4 === 3 ? new Promise((resolve) => setTimeout(resolve, 0)) : undefined);
      }
      caller.abort();
      assert.equal(await reason, "aborted");
      const read = async () => await peer.read(new Uint8Array(4096)).catch(() => null);
      while (!isFirst && await read() !== null);
      isFirst = false;
    }
  }
});

Deno.test("own roots verify the upstream, and its name is asked for", async () => {
  await using peer = new Peer({});
  const to = target(await peer.listen(), { tls: TLS });
  assert.deepEqual(await greet(to), { protocol: "http/1.1", echo: "hello" });
  assert.equal(peer.seen[0].serverName, "origin.test");
});

Deno.test("platform roots do not know a private authority", async () => {
  await using peer = new Peer({});
  const to = target(await peer.listen(), { tls: { ...TLS, roots: undefined } });
  assert.equal(await reasonOf(greet(to)), "tls_certificate");
});

Deno.test("an upstream of another authority is refused", async () => {
  await using peer = new Peer({});
  const roots = new TestAuthority("Another").root;
  const to = target(await peer.listen(), { tls: { ...TLS, roots } });
  assert.equal(await reasonOf(greet(to)), "tls_certificate");
});

Deno.test("a client certificate is not shown to an upstream of another authority", async () => {
  const client = authority.issue({ name: "gateway.test" });
  await using peer = new Peer({ requestCert: true, rejectUnauthorized: false });
  const roots = new TestAuthority("Another").root;
  const to = target(await peer.listen(), { tls: { ...TLS, roots, client } });
  assert.equal(await reasonOf(greet(to)), "tls_certificate");
  await peer.settled();
  assert.deepEqual(peer.seen.filter(({ clientSha256 }) => clientSha256 !== ""), []);
});

Deno.test("an expired certificate is refused with the reason", async () => {
  const notAfter = new Date(Date.now() - 60_000);
  await using peer = new Peer(authority.issue({ name: "origin.test", notAfter }));
  const to = target(await peer.listen(), { tls: TLS });
  const error = await greet(to).catch((e) => e);
  assert.ok(error instanceof DialError);
  assert.equal(error.reason, "tls_certificate");
  assert.match(error.message, /expired on/);
});

Deno.test("a certificate of the future is refused with the reason", async () => {
  const notBefore = new Date(Date.now() + 60_000);
  await using peer = new Peer(authority.issue({ name: "origin.test", notBefore }));
  const to = target(await peer.listen(), { tls: TLS });
  const error = await greet(to).catch((e) => e);
  assert.ok(error instanceof DialError);
  assert.match(error.message, /not valid before/);
});

Deno.test("a certificate for another name is refused", async () => {
  await using peer = new Peer({});
  const to = target(await peer.listen(), { tls: { ...TLS, verifyNames: ["wrong.test"] } });
  const error = await greet(to).catch((e) => e);
  assert.ok(error instanceof DialError);
  assert.equal(error.reason, "tls_name");
  assert.match(error.message, /wrong\.test/);
});

Deno.test("a certificate for none of several names is refused with all of them, and its own", async () => {
  await using peer = new Peer({});
  const verifyNames = ["wrong.test", "nope.test"];
  const to = target(await peer.listen(), { tls: { ...TLS, verifyNames } });
  const error = await greet(to).catch((e) => e);
  assert.ok(error instanceof DialError);
  assert.equal(error.reason, "tls_name");
  assert.match(
    error.message,
    /is for .*DNS:origin\.test.*, not for "wrong\.test" or "nope\.test"$/,
  );
});

Deno.test("one of several accepted names is enough", async () => {
  await using peer = new Peer({});
  const verifyNames = ["wrong.test", "other.test"];
  const to = target(await peer.listen(), { tls: { ...TLS, verifyNames } });
  assert.equal((await greet(to)).echo, "hello");
});

Deno.test("without a name to verify the chain still counts", async () => {
  await using peer = new Peer({});
  const port = await peer.listen();
  const unnamed = { ...TLS, serverName: "wrong.test", verifyNames: [] };
  assert.equal((await greet(target(port, { tls: unnamed }))).echo, "hello");
  const roots = new TestAuthority("Another").root;
  const reason = await reasonOf(greet(target(port, { tls: { ...unnamed, roots } })));
  assert.equal(reason, "tls_certificate");
});

Deno.test("without verification any certificate will do", async () => {
  await using peer = new Peer({});
  const tls = { ...TLS, verifyChain: false, verifyNames: [], roots: undefined };
  assert.equal((await greet(target(await peer.listen(), { tls }))).echo, "hello");
});

Deno.test("no name is asked for when there is none, or it is an address", async () => {
  await using peer = new Peer({});
  const port = await peer.listen();
  for (const serverName of ["", "127.0.0.1"]) {
    await greet(target(port, { tls: { ...TLS, serverName } }));
  }
  assert.deepEqual(peer.seen.map(({ serverName }) => serverName), ["", ""]);
});

Deno.test("a client certificate is shown to an upstream that asks", async () => {
  const client = authority.issue({ name: "gateway.test" });
  const asks = { requestCert: true, rejectUnauthorized: true, ca: authority.root };
  await using peer = new Peer(asks);
  const port = await peer.listen();
  await greet(target(port, { tls: { ...TLS, client } }));
  assert.equal(peer.seen[0].clientSha256, client.sha256);
});

Deno.test("the upstream chooses between protocols that are offered", async () => {
  await using peer = new Peer({ ALPNProtocols: ["h2", "http/1.1"] });
  const port = await peer.listen();
  const chosen = async (version: UpstreamTarget["version"]) =>
    (await greet(target(port, { tls: TLS, version }))).protocol;
  assert.equal(await chosen("http1"), "http/1.1");
  assert.equal(await chosen("http2"), "h2");
  assert.equal(await chosen("http1-and-http2"), "h2");
});

Deno.test("an upstream without HTTP/2 is refused when nothing else will do", async () => {
  await using silent = new Peer({});
  await using refusing = new Peer({ ALPNProtocols: ["http/1.1"] });
  for (const peer of [silent, refusing]) {
    const to = target(await peer.listen(), { tls: TLS, version: "http2" });
    assert.equal(await reasonOf(greet(to)), "tls_protocol");
  }
});

const SOURCE = {
  sourceAddress: "192.0.2.1",
  sourcePort: 4711,
  localAddress: "192.0.2.80",
  localPort: 80,
};

Deno.test("a PROXY header comes first on a cleartext connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const to = target(listener.addr.port, { proxyProtocol: "v1" });
  const dialed = await dial(to, SOURCE, new Clock());
  using peer = await listener.accept();
  const buffer = new Uint8Array(200);
  const count = await peer.read(buffer) ?? 0;
  const line = "PROXY TCP4 192.0.2.1 192.0.2.80 4711 80\r\n";
  assert.equal(decoder.decode(buffer.subarray(0, count)), line);
  closeQuietly(dialed.stream);
});

Deno.test("a PROXY header comes before TLS", async () => {
  for (const version of ["v1", "v2"] as const) {
    await using peer = new Peer({}, version);
    const to = target(await peer.listen(), { tls: TLS, proxyProtocol: version });
    assert.equal((await greet(to, SOURCE)).echo, "hello");
    assert.equal(peer.seen[0].source, "192.0.2.1");
  }
});

Deno.test("an unknown client is reported as such", async () => {
  await using peer = new Peer({}, "v2");
  const to = target(await peer.listen(), { tls: TLS, proxyProtocol: "v2" });
  await greet(to, { ...SOURCE, sourceAddress: "" });
  assert.equal(peer.seen[0].source, "");
});

/** Dials in a process whose platform roots include the test authority; returns reason or protocol. */
async function dialWithPlatformRoots(to: UpstreamTarget): Promise<string> {
  const roots = await Deno.makeTempFile({ suffix: ".pem" });
  try {
    await Deno.writeTextFile(roots, authority.root);
    const code = `
      const [{ dial }, { Clock }] = await Promise.all([
        import(${JSON.stringify(import.meta.resolve("./dial.ts"))}),
        import(${JSON.stringify(import.meta.resolve("../clock.ts"))}),
      ]);
      const dialed = dial(${JSON.stringify(to)}, undefined, new Clock());
      console.log(await dialed.then(({ protocol }) => protocol, ({ reason }) => reason));
      Deno.exit();
    `;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", code],
      env: { DENO_CERT: roots },
    }).output();
    return decoder.decode(stdout).trim();
  } finally {
    await Deno.remove(roots);
  }
}

Deno.test("platform roots verify chain and name, or the chain alone", async () => {
  await using peer = new Peer({ ALPNProtocols: ["h2", "http/1.1"] });
  await using refusing = new Peer({ ALPNProtocols: ["http/1.1"] });
  const port = await peer.listen();
  const version = "http1-and-http2";
  const known = { ...TLS, roots: undefined };
  const wrong = { ...known, serverName: "wrong.test", verifyNames: ["wrong.test"] };
  const answers = await Promise.all([
    dialWithPlatformRoots(target(port, { version, tls: known })),
    dialWithPlatformRoots(target(port, { version, tls: wrong })),
    dialWithPlatformRoots(target(port, { version, tls: { ...wrong, verifyNames: [] } })),
    dialWithPlatformRoots(target(await refusing.listen(), { version: "http2", tls: known })),
  ]);
  assert.deepEqual(answers, ["h2", "tls_name", "h2", "tls_protocol"]);
});

Deno.test("own roots replace the platform's", async () => {
  await using peer = new Peer({});
  const roots = new TestAuthority("Another").root;
  const to = target(await peer.listen(), { tls: { ...TLS, roots } });
  assert.equal(await dialWithPlatformRoots(to), "tls_certificate");
});

Deno.test("targets share a key only when nothing differs", () => {
  const client = { cert: "a", key: "b" };
  const variants: UpstreamTarget[] = [
    target(1),
    target(2),
    { ...target(1), host: "127.0.0.2" },
    target(1, { version: "http2" }),
    target(1, { proxyProtocol: "v1" }),
    target(1, { tls: TLS }),
    target(1, { tls: { ...TLS, serverName: "x" } }),
    target(1, { tls: { ...TLS, verifyChain: false } }),
    target(1, { tls: { ...TLS, verifyNames: [] } }),
    target(1, { tls: { ...TLS, roots: undefined } }),
    target(1, { tls: { ...TLS, roots: "x" } }),
    target(1, { tls: { ...TLS, client } }),
    target(1, { tls: { ...TLS, client: { ...client, cert: "c" } } }),
    target(1, { tls: { ...TLS, client: { ...client, key: "c" } } }),
  ];
  assert.equal(new Set(variants.map(targetKey)).size, variants.length);
  assert.equal(targetKey(target(1, { tls: { ...TLS } })), targetKey(target(1, { tls: TLS })));
  const upper = { ...target(1), host: "Origin.Test" };
  assert.equal(targetKey(upper), targetKey({ ...upper, host: "origin.test" }));
});
