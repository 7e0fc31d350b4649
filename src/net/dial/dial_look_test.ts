/** What is reported of an upstream whose certificate is refused where the gateway has one of its own. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { Clock } from "../clock.ts";
import { dial, DialError, type UpstreamTarget } from "./dial.ts";
import { TestAuthority } from "../testing/certificates.ts";

const authority = new TestAuthority();
const client = authority.issue({ name: "gateway.test" });
const expired = authority.issue({
  name: "origin.test",
  notAfter: new Date(Date.now() - 60_000),
});

/** An upstream whose certificate has expired; from its `silentFrom`th connection on it says nothing. */
class ExpiredUpstream implements AsyncDisposable {
  readonly sockets: Socket[] = [];
  /** Settles with the first connection that hears nothing. */
  readonly silent: Promise<void>;
  readonly #server = createServer({ ...expired, requestCert: true, rejectUnauthorized: false });

  private constructor(silentFrom: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.silent = promise;
    const secure = this.#server.listeners("connection");
    this.#server.removeAllListeners("connection");
    this.#server.on("tlsClientError", () => {});
    this.#server.on("connection", (socket: Socket) => {
      this.sockets.push(socket);
      socket.on("error", () => {});
      if (this.sockets.length >= silentFrom) return resolve();
      for (const listener of secure) listener.call(this.#server, socket);
    });
  }

  static async start(silentFrom = Infinity): Promise<ExpiredUpstream> {
    const upstream = new ExpiredUpstream(silentFrom);
    await new Promise<void>((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  /** What the gateway knows of it. */
  target(): UpstreamTarget {
    const address = this.#server.address();
    assert.ok(address !== null && typeof address === "object");
    return {
      host: "127.0.0.1",
      port: address.port,
      tls: {
        serverName: "origin.test",
        verifyChain: true,
        verifyNames: ["origin.test"],
        roots: authority.root,
        client,
      },
      version: "http1",
      proxyProtocol: "off",
      connectTimeoutMs: undefined,
      totalConnectTimeoutMs: undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function messageOf(target: UpstreamTarget, clock: Clock): Promise<string> {
  const error = await dial(target, undefined, clock).catch((error) => error);
  assert.ok(error instanceof DialError);
  assert.equal(error.reason, "tls_certificate");
  return error.message;
}

Deno.test("what is wrong with the upstream's certificate is reported all the same", async () => {
  await using upstream = await ExpiredUpstream.start();
  assert.match(await messageOf(upstream.target(), new Clock()), /its certificate expired on/);
});

Deno.test("requests that fail do not each look again", async () => {
  await using upstream = await ExpiredUpstream.start();
  const target = upstream.target();
  const clock = new Clock();
  const messages = await Promise.all([1, 2, 3].map(() => messageOf(target, clock)));
  messages.push(await messageOf(target, clock));
  for (const message of messages) assert.match(message, /expired on/);
  assert.equal(upstream.sockets.length, 4 + 1);
  clock.tick(clock.now + 10_000);
  assert.match(await messageOf(target, clock), /expired on/);
  assert.equal(upstream.sockets.length, 5 + 2);
});

Deno.test("an upstream that does not let itself be looked at holds a request for two seconds", async () => {
  await using upstream = await ExpiredUpstream.start(2);
  const clock = new Clock();
  const told = messageOf(upstream.target(), clock);
  await Promise.race([upstream.silent, told]);
  clock.tick(clock.now + 2_001);
  assert.match(await told, /unable to verify/);
});
