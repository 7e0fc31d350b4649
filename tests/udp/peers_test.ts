/** Datagrams with the programs that they are for: dnsmasq and dig, rsyslog, QUIC. */
import assert from "node:assert/strict";
import { TestAuthority } from "../../src/net/testing/certificates.ts";
import { freeUdpPort, UdpGateway, UdpPeer } from "../testing/datagrams.ts";
import { PACED } from "../testing/gateway.ts";
import { find, Process, TempDir, testWith, until } from "../testing/peer.ts";

/** What dig gets, one line for each record. */
async function dig(port: number, ...question: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(find("dig")!, {
    args: ["@127.0.0.1", "-p", `${port}`, "+short", "+tries=3", "+time=5", ...question],
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  // Attempts that were not answered are noted, too.
  return lines.filter((line) => !line.startsWith(";; ")).join("\n");
}

/** A dnsmasq that knows these hosts and asks no other server. */
async function dnsmasq(port: number, ...hosts: string[]): Promise<Process> {
  const process = new Process(find("dnsmasq")!, [
    ...[
      "-k",
      "-R",
      "-h",
      "--conf-file=/dev/null",
      "--bind-interfaces",
      "--no-hosts",
      "--user=root",
    ],
    ...["--listen-address=127.0.0.1", `--port=${port}`, "--log-facility=-", "--log-queries"],
    "--pid-file=",
    ...hosts.map((host) => `--host-record=${host}`),
  ]);
  await until(
    "it answers",
    async () => await dig(port, "+tries=1", "+time=1", hosts[0].split(",")[0]) !== "",
  );
  return process;
}

testWith(
  ["dnsmasq", "dig"],
  "dnsmasq answers dig, in turn, and one that is gone is left out",
  async () => {
    const ports = [freeUdpPort(), freeUdpPort()];
    await using first = await dnsmasq(ports[0], "a.test,192.0.2.1", "b.test,2001:db8::1");
    await using _ = await dnsmasq(ports[1], "a.test,192.0.2.2", "b.test,2001:db8::1");
    await using gateway = await UdpGateway.start(
      `upstreams = ["127.0.0.1:${ports[0]}", "127.0.0.1:${ports[1]}"]
upstream_aliases = ["one", "two"]
response_timeout_secs = 3
passive_health_failures = 1
passive_health_ejection_secs = 3600`,
      { build: PACED },
    );
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add(await dig(gateway.port, "a.test"));
    assert.deepEqual([...answers].sort(), ["192.0.2.1", "192.0.2.2"]);
    assert.equal(await dig(gateway.port, "AAAA", "b.test"), "2001:db8::1");
    // Case is the client's own, and comes back (draft-vixie-dnsext-dns0x20).
    assert.match(await dig(gateway.port, "+noshort", "+noall", "+question", "A.tESt"), /A\.tESt\./);
    await gateway.counts("active_sessions", 0);
    await first.stop();
    // Whichever is asked: dig tries again, and by then the one that is gone is known.
    for (let i = 0; i < 4; i++) assert.equal(await dig(gateway.port, "a.test"), "192.0.2.2");
    await gateway.says(/one has not answered 1 times and is left out/);
  },
);

/** A question for the address of `name`. */
function question(id: number, name: string): Uint8Array {
  const labels = name.split(".").flatMap((
    label,
  ) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.of(id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1);
}

/** Its answer without records. */
function answer(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  copy[2] |= 0x80;
  return copy;
}

Deno.test("A29: answers with another id or question, and from elsewhere, are ignored, and the right one is waited for", async () => {
  const forged = (message: Uint8Array) => {
    const wrongId = answer(message);
    wrongId[1] ^= 1;
    const wrongName = answer(message);
    wrongName[13] ^= 1;
    const noAnswer = message.slice();
    return [wrongId, wrongName, noAnswer, message.slice(0, 5), answer(message)];
  };
  using upstream = new UdpPeer(forged);
  await using gateway = await UdpGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using client = new UdpPeer();
  await client.send(question(7, "a.test"), gateway.port);
  const [got] = await client.texts(1);
  assert.deepEqual(Uint8Array.from(got, (c) => c.charCodeAt(0)), answer(question(7, "a.test")));
  await gateway.counts("datagrams_total dns_load_balance downstream sent", 1);
  assert.equal(client.received.length, 1);
});

Deno.test("A29: ids and ports of questions are not those of the client, nor the same twice", async () => {
  using upstream = new UdpPeer((message) => [answer(message)]);
  await using gateway = await UdpGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using client = new UdpPeer();
  for (let i = 0; i < 20; i++) {
    await client.send(question(1, "a.test"), gateway.port);
    await client.texts(i + 1);
    await gateway.counts("active_sessions", 0);
  }
  const ids = upstream.received.map(({ text }) => text.slice(0, 2));
  assert.ok(new Set(ids).size > 15, `${new Set(ids).size} ids`);
  assert.ok(new Set(upstream.received.map(({ from }) => from.port)).size > 5);
  assert.ok(client.received.every(({ text }) => text.startsWith("\0\x01")));
});

Deno.test("A29: two clients with one id get each their own answer", async () => {
  const waiting: Uint8Array[] = [];
  using upstream = new UdpPeer((message) => {
    waiting.push(message);
    return [answer(message)];
  });
  await using gateway = await UdpGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using one = new UdpPeer();
  using two = new UdpPeer();
  await Promise.all([
    one.send(question(9, "one.test"), gateway.port),
    two.send(question(9, "two.test"), gateway.port),
  ]);
  assert.match((await one.texts(1))[0], /one/);
  assert.match((await two.texts(1))[0], /two/);
  assert.equal(waiting.length, 2);
});

Deno.test("what is not one question is dropped, and an answer that a client sends", async () => {
  using upstream = new UdpPeer((message) => [answer(message)]);
  await using gateway = await UdpGateway.start(`upstream = "127.0.0.1:${upstream.port}"`);
  using client = new UdpPeer();
  await client.send("hello", gateway.port);
  await client.send(answer(question(1, "a.test")), gateway.port);
  await gateway.counts("drops_total other", 2);
  assert.equal(upstream.received.length, 0);
});

testWith(["rsyslogd"], "rsyslog gets every line, in order, and nothing comes back", async () => {
  await using dir = new TempDir();
  const port = freeUdpPort();
  const out = `${dir.path}/out.log`;
  const config = dir.write(
    "rsyslog.conf",
    `module(load="imudp")
input(type="imudp" address="127.0.0.1" port="${port}")
template(name="t" type="string" string="%msg%\\n")
*.* action(type="omfile" file="${out}" template="t")
`,
  );
  await using server = new Process(find("rsyslogd")!, [
    ...["-n", "-f", config, "-i", `${dir.path}/pid`],
  ], { env: {} });
  await using gateway = await UdpGateway.start(
    `mode = "syslog-forward"\nupstream = "127.0.0.1:${port}"`,
  );
  using client = new UdpPeer();
  const lines = () => {
    try {
      return Deno.readTextFileSync(out).trim().split("\n").map((line) => line.trim());
    } catch {
      return [];
    }
  };
  await until("it receives", async () => {
    if (server.status !== undefined) throw new Error(server.output);
    await client.send("<13>Jan  1 00:00:00 host app: begin", gateway.port);
    return lines().includes("begin");
  });
  for (let i = 0; i < 200; i++) {
    await client.send(`<13>Jan  1 00:00:00 host app: line ${i}`, gateway.port);
  }
  await until("all have come", () => lines().includes("line 199"));
  const numbered = lines().filter((line) => line.startsWith("line "));
  assert.deepEqual(numbered, Array.from({ length: 200 }, (_, i) => `line ${i}`));
  assert.equal(client.received.length, 0);
});

Deno.test("QUIC goes through, and a client whose address changes keeps its connection", async () => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ name: "localhost", names: ["localhost"] });
  const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const listener = endpoint.listen({ cert, key, alpnProtocols: ["echo"] });
  const serving = (async () => {
    for await (const incoming of listener) {
      void (async () => {
        const connection = await incoming.accept();
        for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
          await readable.pipeTo(writable);
        }
      })().catch(() => {});
    }
  })().catch(() => {});
  await using gateway = await UdpGateway.start(
    `mode = "quic-pass-through"\nupstream = "127.0.0.1:${endpoint.addr.port}"
max_responses_per_source_per_second = 0\nidle_timeout_secs = 600`,
  );
  // Between the client and the gateway, as a NAT that forgets: it goes on from another port.
  using nat = Nat.open(gateway.port);
  const connection = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: nat.port,
    serverName: "localhost",
    alpnProtocols: ["echo"],
    caCerts: [authority.root],
  });
  const echo = async (text: string) => {
    const { readable, writable } = await connection.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    return await new Response(readable as ReadableStream<Uint8Array>).text();
  };
  assert.equal(await echo("before"), "before");
  nat.forget();
  assert.equal(await echo("after"), "after");
  await gateway.says(/a session with .* has moved/);
  await gateway.counts("active_sessions", 1);
  connection.close();
  listener.stop();
  endpoint.close();
  await serving;
});

/** Passes datagrams between clients and a port, from one port of its own after another. */
class Nat implements Disposable {
  readonly port: number;
  readonly #inside: Deno.DatagramConn;
  #outside: Deno.DatagramConn;
  readonly #to: Deno.NetAddr;
  #client: Deno.Addr | undefined;

  private constructor(port: number) {
    this.#to = { transport: "udp", hostname: "127.0.0.1", port };
    this.#inside = bind();
    this.#outside = bind();
    this.port = (this.#inside.addr as Deno.NetAddr).port;
    void this.#passOut();
    void this.#passIn(this.#outside);
  }

  static open(port: number): Nat {
    return new Nat(port);
  }

  /** Goes on from another port. */
  forget(): void {
    const old = this.#outside;
    this.#outside = bind();
    void this.#passIn(this.#outside);
    old.close();
  }

  async #passOut(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const got = await this.#inside.receive(buffer).catch(() => undefined);
      if (got === undefined) return;
      this.#client = got[1];
      await this.#outside.send(got[0], this.#to).catch(() => {});
    }
  }

  async #passIn(outside: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const got = await outside.receive(buffer).catch(() => undefined);
      if (got === undefined) return;
      if (this.#client !== undefined) {
        await this.#inside.send(got[0], this.#client).catch(() => {});
      }
    }
  }

  [Symbol.dispose](): void {
    this.#inside.close();
    this.#outside.close();
  }
}

function bind(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
}

Deno.test("what cannot begin a QUIC connection is dropped", async () => {
  using upstream = new UdpPeer();
  await using gateway = await UdpGateway.start(
    `mode = "quic-pass-through"\nupstream = "127.0.0.1:${upstream.port}"`,
  );
  using client = new UdpPeer();
  await client.send("x".repeat(1300), gateway.port);
  await client.send(Uint8Array.of(0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0), gateway.port);
  await gateway.counts("drops_total other", 2);
  assert.equal(upstream.received.length, 0);
});
