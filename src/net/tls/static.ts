/**
 * The fast TLS terminator: the runtime's own listener with one certificate for every name. It offers TLS 1.2
 * and 1.3, asks no client for a certificate, and does not report version, cipher or server name.
 *
 * @module
 */
import type { TlsFacts } from "../connection_facts.ts";
import { AcceptLoop } from "../listen/accept_loop.ts";
import { closeQuietly } from "../duplex.ts";
import type { PortListenerSpec } from "../listen/listener_spec.ts";
import { type Handshake, type Reception, withTls } from "../listen/reception.ts";
import { staticPair } from "./static_pair.ts";
import { StaticStream, type StuckConnections } from "./static_stream.ts";
import type { TlsTerminator } from "./terminator.ts";
import type { KeyPair, TlsListenerSpec } from "./spec.ts";

/** Nothing more is known of a connection through this terminator. */
const UNTOLD: TlsFacts = { version: "", cipher: "", serverName: "", client: undefined };

/** A TLS listener with one certificate. */
export class StaticTerminator implements TlsTerminator {
  readonly description = "tls (static certificate)";
  readonly port: number;
  readonly #pair: KeyPair;
  readonly #spec: PortListenerSpec;
  readonly #reception: Reception;
  readonly #loop: AcceptLoop<Deno.TlsConn>;
  readonly #handshakeTimeoutMs: number;
  readonly #stuck: StuckConnections;

  /** @param port To bind; differs from that of `spec` when this terminator replaces another. */
  constructor(
    spec: PortListenerSpec,
    tls: TlsListenerSpec,
    pair: KeyPair,
    reception: Reception,
    stuck: StuckConnections,
    port: number,
  ) {
    this.#pair = pair;
    this.#stuck = stuck;
    this.#spec = spec;
    this.#reception = reception;
    this.#handshakeTimeoutMs = tls.handshakeTimeoutMs;
    const listener = Deno.listenTls({
      hostname: spec.hostname,
      port,
      reusePort: spec.reusePort,
      cert: pair.cert,
      key: pair.key,
      alpnProtocols: [...tls.alpn],
    });
    this.port = listener.addr.port;
    this.#loop = new AcceptLoop(
      listener,
      spec.clock,
      (connection) => void this.#admit(connection),
      (error) => spec.onFault?.(error),
    );
    this.#loop.start();
  }

  /** Its certificate cannot be changed: only what shows the same one is taken over. */
  update(tls: TlsListenerSpec): boolean {
    const pair = staticPair(this.#spec, tls);
    return pair !== undefined && pair.cert === this.#pair.cert && pair.key === this.#pair.key;
  }

  async close(): Promise<void> {
    await this.#loop.close();
  }

  retire(): Promise<void> {
    return this.#loop.retire();
  }

  async #admit(connection: Deno.TlsConn): Promise<void> {
    const reception = this.#reception;
    let handshake: Handshake | undefined = undefined;
    const exit = {
      close: () => {
        // Its place is free though its socket is not: idle peers must not shut others out for good.
        if (handshake !== undefined) reception.reject("tls_timeout");
        void this.#turnAway(connection);
      },
    };
    if (!reception.admit(exit)) return;
    handshake = reception.beginHandshake(exit, this.#handshakeTimeoutMs);
    if (handshake === undefined) return;
    const protocol = await shakeHands(connection, this.#spec.protocol);
    handshake.end();
    if (handshake.expired) return;
    if (protocol === undefined) {
      closeQuietly(connection);
      reception.reject("tls_handshake");
      return;
    }
    const facts = withTls(reception.factsOf(connection, undefined), UNTOLD);
    const stream = new StaticStream(connection, this.#spec.clock, this.#stuck, reception.release);
    reception.deliver(stream, facts, protocol, stream.leave);
  }

  /** Ends a connection before its handshake is done, which takes as long as the peer likes. */
  async #turnAway(connection: Deno.TlsConn): Promise<void> {
    this.#stuck.add();
    await shakeHands(connection, this.#spec.protocol);
    this.#stuck.delete();
    closeQuietly(connection);
  }
}

/** The protocol that a finished handshake has chosen, `undefined` for one that failed. */
async function shakeHands(
  connection: Deno.TlsConn,
  unlessChosen: string,
): Promise<string | undefined> {
  try {
    const { alpnProtocol } = await connection.handshake();
    return alpnProtocol ?? unlessChosen;
  } catch {
    return undefined;
  }
}
