/** Listeners under test, their connections and rejections taken one by one. @module */
import assert from "node:assert/strict";
import { Clock } from "../clock.ts";
import { openListener } from "../listen/listen.ts";
import type { FailedHandshake, PortListenerSpec } from "../listen/listener_spec.ts";
import type { TlsListenerSpec } from "../tls/spec.ts";
import type { Accepted, Listener } from "../listen/listener.ts";

const decoder = new TextDecoder();

/** A listener whose connections and rejections a test takes one by one. */
export class ListenerBench {
  readonly clock = new Clock();
  readonly rejections: string[] = [];
  readonly failed: FailedHandshake[] = [];
  readonly warnings: string[] = [];
  /** What was reported about certificates that no client can shake hands with. */
  readonly unfit: string[] = [];
  readonly #accepted: Accepted[] = [];
  #arrived: (() => void) | undefined;
  #rejected: (() => void) | undefined;
  #reported: (() => void) | undefined;
  #listener: Listener | undefined;

  get listener(): Listener {
    assert.ok(this.#listener !== undefined);
    return this.#listener;
  }

  /** Opens it: with TLS where `tls` is given, else cleartext. */
  async open(
    { tls, ...options }: Partial<PortListenerSpec> & { readonly tls?: TlsListenerSpec } = {},
  ): Promise<this> {
    const spec: PortListenerSpec = {
      name: "127.0.0.1:0",
      hostname: "127.0.0.1",
      port: 0,
      reusePort: false,
      key: "server.listen[0]",
      protocol: "http/1.1",
      maxConnections: 10,
      proxyProtocol: "off",
      trustedProxies: undefined,
      headTimeoutMs: 10_000,
      clock: this.clock,
      onRejected: (reason, handshake) => {
        this.rejections.push(reason);
        if (handshake !== undefined) this.failed.push(handshake);
        this.#rejected?.();
      },
      onWarning: (message) => void this.warnings.push(message),
      onUnfitCertificate: (message) => {
        this.unfit.push(message);
        this.#reported?.();
      },
      ...options,
    };
    const onAccept = (accepted: Accepted) => {
      this.#accepted.push(accepted);
      this.#arrived?.();
    };
    this.#listener = tls === undefined
      ? await openListener({ kind: "tcp", ...spec }, onAccept)
      : await openListener({ kind: "tls", tls, ...spec }, onAccept);
    return this;
  }

  /** A cleartext connection to it. */
  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.listener.port });
  }

  /** The next connection that reaches its codec. */
  async next(): Promise<Accepted> {
    while (this.#accepted.length === 0) await new Promise<void>((r) => this.#arrived = r);
    const [accepted] = this.#accepted.splice(0, 1);
    return accepted;
  }

  /** Waits until `count` connections were rejected; returns the reason of the last. */
  async rejection(count = 1): Promise<string> {
    while (this.rejections.length < count) await new Promise<void>((r) => this.#rejected = r);
    return this.rejections[count - 1];
  }

  /** Waits until something is reported about a certificate. */
  async reported(): Promise<void> {
    while (this.unfit.length === 0) await new Promise<void>((r) => this.#reported = r);
  }

  /** Lets time pass, `ms` at a step, until a connection is rejected; returns the reason. */
  async timeout(ms: number): Promise<string> {
    return await this.passing(ms, this.rejection());
  }

  /** Lets time pass, `ms` at a step, until `event`. */
  async passing<T>(ms: number, event: Promise<T>): Promise<T> {
    const ticking = setInterval(() => this.clock.tick(this.clock.now + ms), 1);
    try {
      return await event;
    } finally {
      clearInterval(ticking);
    }
  }

  [Symbol.dispose](): void {
    this.#listener?.close();
  }
}

/** What one read gives, as text. */
export async function readText(stream: { read(into: Uint8Array): Promise<number | null> }) {
  const buffer = new Uint8Array(100);
  const count = await stream.read(buffer);
  return count === null ? null : decoder.decode(buffer.subarray(0, count));
}

/** Whether the other side closed the connection, orderly or not. */
export async function isClosed(
  connection: { read(into: Uint8Array): Promise<number | null> },
): Promise<boolean> {
  return await connection.read(new Uint8Array(1)).catch(() => null) === null;
}
