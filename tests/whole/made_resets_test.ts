/**
 * Clients of HTTP/2 that make the gateway reset their streams (CVE-2025-8671), with a proxied upstream: what
 * they cost stays bounded, and others are served meanwhile.
 */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import {
  data,
  get,
  post,
  type RawPeer,
  windowUpdate,
} from "../../src/http/h2/testing/connection.ts";
import { FrameType, readUint32 } from "../../src/http/h2/wire/frames.ts";
import { ErrorCode } from "../../src/http/h2/wire/errors.ts";
import { connectH2 } from "../peers/raw_h2.ts";
import { TestCertificate } from "../peers/tls.ts";
import { TestGateway } from "../testing/gateway.ts";
import { until } from "../testing/peer.ts";

/** Streams that one connection may have reset at once before it ends. */
const RESETS_AT_ONCE = 128;
/** And each second after that. */
const RESETS_PER_SECOND = 32;
const STREAMS_AT_A_TIME = 32;

/** An upstream that takes connections and says nothing; what asks for `/quick` is answered. */
class SilentUpstream implements AsyncDisposable {
  /** Connections that were opened so far, that are open now, and that were open at a time at most. */
  opened = 0;
  mostOpen = 0;
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => {
      this.opened++;
      this.#open.add(socket);
      this.mostOpen = Math.max(this.mostOpen, this.#open.size);
      socket.on("error", () => {});
      socket.on("close", () => this.#open.delete(socket));
      socket.on("data", (bytes) => {
        if (!bytes.toString("latin1").startsWith("GET /quick ")) return;
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      });
    });
  }

  static async start(): Promise<SilentUpstream> {
    const upstream = new SilentUpstream();
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#open.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function config(upstream: number, tables: string, proxy: string): string {
  return `[server]
listen = []
tls_listen = ["127.0.0.1:{port}"]
${tables}
[proxy]
upstream = "127.0.0.1:${upstream}"
${proxy}
`;
}

/**
 * Opens streams and breaks each, one write after the other, until the connection ends.
 *
 * @returns The code of GOAWAY, and how many streams were opened.
 */
async function attack(
  peer: RawPeer,
  broken: (peer: RawPeer, id: number) => Uint8Array[],
): Promise<{ code: number; streams: number }> {
  let code: number | undefined;
  const reading = peer.until(FrameType.GOAWAY).then(({ payload }) => {
    code = readUint32(payload, 4);
  });
  let streams = 0;
  while (code === undefined) {
    const [head, ...rest] = broken(peer, 2 * streams++ + 1);
    await peer.send(head).catch(() => {});
    // Lets the gateway begin with it: what is reset in the read that opened it costs less.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await peer.send(...rest).catch(() => {});
  }
  await reading;
  await peer.untilEnd();
  peer.close();
  return { code, streams };
}

const WAYS: Readonly<Record<string, (peer: RawPeer, id: number) => Uint8Array[]>> = {
  "a window increment of 0": (peer, id) => [peer.headers(id, get("/slow")), windowUpdate(id, 0)],
  "a body longer than its content-length": (peer, id) => [
    peer.headers(id, post(["content-length", "1"]), false),
    data(id, new Uint8Array(2)),
  ],
};

const PROXIES: Readonly<Record<string, string>> = {
  "cleartext": "",
  // The handshake never ends: all that was opened is on its way.
  "TLS that never answers": 'upstream_tls = true\nupstream_sni = "localhost"',
};

for (const [through, proxy] of Object.entries(PROXIES)) {
  for (const [how, broken] of Object.entries(WAYS)) {
    Deno.test(`resets made by ${how} open no more connections to ${through} than they may`, async () => {
      await using certificate = new TestCertificate();
      await using upstream = await SilentUpstream.start();
      await using gateway = await TestGateway.start(
        config(upstream.port, certificate.tables, proxy),
      );
      const began = performance.now();
      const { code, streams } = await attack(await connectH2(gateway.port, certificate), broken);
      const seconds = (performance.now() - began) / 1000;
      assert.equal(code, ErrorCode.ENHANCE_YOUR_CALM);
      const allowed = RESETS_AT_ONCE + RESETS_PER_SECOND * seconds + 1;
      assert.ok(upstream.opened <= allowed, `${upstream.opened} of ${streams} in ${seconds} s`);
      // The runtime cannot end a handshake, so those that were under way at the first reset stay.
      const stuck = proxy === "" ? 0 : STREAMS_AT_A_TIME;
      await until("connections are closed", () => upstream.open <= stuck);
    });
  }
}

/** Memory of a process. */
function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

Deno.test("many connections that provoke resets cost neither memory nor other clients' answers", async () => {
  await using certificate = new TestCertificate();
  await using upstream = await SilentUpstream.start();
  await using gateway = await TestGateway.start(config(upstream.port, certificate.tables, ""));
  const before = residentBytes(gateway.process.pid);
  let over = false;
  const attacks = (async () => {
    for (let round = 0; round < 5; round++) {
      const peers = await Promise.all(
        Array.from({ length: 8 }, () => connectH2(gateway.port, certificate)),
      );
      const broken = WAYS["a window increment of 0"];
      const ends = await Promise.all(peers.map((peer) => attack(peer, broken)));
      assert.ok(ends.every(({ code }) => code === ErrorCode.ENHANCE_YOUR_CALM));
    }
    over = true;
  })();
  const client = await connectH2(gateway.port, certificate);
  for (let id = 1; !over; id += 2) {
    await client.send(client.headers(id, get("/quick")));
    assert.equal(new TextDecoder().decode((await client.answer(id)).body), "ok");
  }
  await attacks;
  client.close();
  assert.ok(upstream.mostOpen <= 9 * STREAMS_AT_A_TIME, `${upstream.mostOpen} at a time`);
  const grown = residentBytes(gateway.process.pid) - before;
  assert.ok(grown < 200 * 1024 * 1024, `${grown} bytes more`);
});
