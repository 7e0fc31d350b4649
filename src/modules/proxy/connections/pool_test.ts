import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { Fields } from "../../../http/fields.ts";
import { SILENT } from "../../../gateway/reports/log_none.ts";
import { until } from "../../../net/testing/until.ts";
import { Clock, TICK_MS } from "../../../net/clock.ts";
import { UpstreamPool } from "./pool.ts";

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** An upstream that answers whatever it gets, and a pool of connections to it. */
class Upstream implements AsyncDisposable {
  readonly clock = new Clock();
  accepted = 0;
  readonly #sockets = new Set<Socket>();
  readonly #listener = createServer((socket) => {
    this.accepted++;
    this.#sockets.add(socket);
    socket.on("data", () => socket.write(ANSWER));
    socket.on("close", () => this.#sockets.delete(socket));
  });

  async pool(maxIdle: number): Promise<UpstreamPool> {
    await new Promise<void>((resolve) => this.#listener.listen(0, "127.0.0.1", resolve));
    const address = this.#listener.address();
    assert.ok(address !== null && typeof address === "object");
    return new UpstreamPool({
      name: "upstream",
      log: SILENT,
      target: {
        host: "127.0.0.1",
        port: address.port,
        tls: undefined,
        version: "http1",
        proxyProtocol: "off",
        connectTimeoutMs: undefined,
        totalConnectTimeoutMs: undefined,
      },
      timeouts: { readMs: 0, sendMs: 0, idleMs: 0 },
      clock: this.clock,
      maxIdle,
      maxStreams: 1,
      pingIntervalMs: 0,
    });
  }

  /** Waits until so many connections are open. */
  async open(count: number): Promise<void> {
    await until(`${count} connections are open`, () => this.#sockets.size === count);
  }

  tick(): void {
    this.clock.tick(this.clock.now + TICK_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}

/** So many requests at the same time. */
async function burst(pool: UpstreamPool, size: number): Promise<void> {
  const answers = Array.from({ length: size }, async () => {
    const caller = { onAbort: undefined, aborted: false };
    const connection = pool.take() ?? await pool.connect(caller);
    const { status } = await pool.send(caller, connection, {
      method: "GET",
      target: "/",
      scheme: "http",
      authority: "a",
      fields: new Fields(),
      body: undefined,
      upgrade: undefined,
    });
    assert.equal(status, 200);
  });
  await Promise.all(answers);
}

Deno.test("a burst uses the connections of the one before, however many are kept", async () => {
  await using upstream = new Upstream();
  const pool = await upstream.pool(2);
  await burst(pool, 5);
  upstream.tick();
  await burst(pool, 5);
  assert.equal(upstream.accepted, 5);
  pool.close();
});

Deno.test("connections over the limit are closed when no request has needed them for a tick", async () => {
  await using upstream = new Upstream();
  const pool = await upstream.pool(2);
  await burst(pool, 5);
  upstream.tick();
  upstream.tick();
  await upstream.open(2);
  upstream.tick();
  await burst(pool, 2);
  assert.equal(upstream.accepted, 5);
  pool.close();
});
