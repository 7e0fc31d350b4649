/**
 * The TLS door for everything one certificate cannot do: a certificate for each name, a minimum version,
 * client certificates, a PROXY header before the handshake. It is a `node:tls` server; certificates are
 * swapped while it runs.
 *
 * @module
 */
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import {
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import type { ListenerSpec } from "./listen.ts";
import { NameTable } from "./name_table.ts";
import { NodeDuplex } from "./node_duplex.ts";
import type { Endpoint } from "./proxy_protocol.ts";
import { type ReadSwitch, readSwitchOf } from "./read_switch.ts";
import { readProxyHeader } from "./read_proxy_header.ts";
import { type Addresses, type Handshake, type Reception, withTls } from "./reception.ts";
import { SocketHead } from "./socket_head.ts";
import { tlsFactsOf } from "./tls_facts.ts";
import type { TlsDoor } from "./tls_listener.ts";
import type { TlsListenerSpec } from "./tls_spec.ts";

/** With no new connection for so long, the listening socket is renewed, once: see `#renewWhenSilent`. */
const SILENCE_MS = 10_000;

/** A connection whose handshake is under way. */
interface Pending {
  readonly handshake: Handshake;
  readonly below: ReadSwitch;
  readonly addresses: Addresses;
  /** Who a PROXY header spoke for. */
  readonly source: Endpoint | undefined;
}

/** A TLS listener with a certificate for each name. */
export class NamesDoor implements TlsDoor {
  readonly description: string;
  readonly port: number;
  readonly #spec: ListenerSpec;
  readonly #reception: Reception;
  readonly #tls: TlsServer;
  readonly #pending = new Map<string, Pending>();
  readonly #stopWatching: () => void;
  #current: TlsListenerSpec;
  #contexts: NameTable<SecureContext>;
  #tcp: TcpServer;
  #lastConnection: number;
  #renewed = true;
  #closed = false;

  private constructor(
    spec: ListenerSpec,
    tls: TlsListenerSpec,
    reception: Reception,
    tcp: TcpServer,
  ) {
    this.#spec = spec;
    this.#reception = reception;
    this.#current = tls;
    this.#contexts = contextsOf(tls);
    this.#tcp = tcp;
    this.#lastConnection = spec.clock.now;
    this.port = portOf(tcp);
    this.description = describe(spec, tls);
    this.#tls = createTlsServer({
      ALPNProtocols: [...tls.alpn],
      requestCert: tls.clientAuth !== "off",
      rejectUnauthorized: tls.clientAuth === "required",
      SNICallback: (name, callback) => {
        const context = this.#contexts.get(name);
        if (context === undefined) callback(new Error("no certificate for this name"));
        else callback(null, context);
      },
      ...contextOptions(tls, tls.material.fallback),
    });
    this.#tls.on("secureConnection", (socket) => this.#onSecure(socket));
    // The socket is closed, and its `close` event gives its place back.
    this.#tls.on("tlsClientError", () => {});
    this.#serve(tcp);
    this.#stopWatching = spec.clock.every(() => this.#renewWhenSilent());
  }

  /** @param port To bind; differs from that of `spec` when this door replaces another. */
  static async open(
    spec: ListenerSpec,
    tls: TlsListenerSpec,
    reception: Reception,
    port: number,
  ): Promise<NamesDoor> {
    return new NamesDoor(spec, tls, reception, await bind(spec, port));
  }

  update(tls: TlsListenerSpec): boolean {
    const { alpn, clientAuth } = this.#current;
    if (tls.clientAuth !== clientAuth || tls.alpn.join() !== alpn.join()) return false;
    const contexts = contextsOf(tls);
    this.#tls.setSecureContext(contextOptions(tls, tls.material.fallback));
    this.#contexts = contexts;
    this.#current = tls;
    return true;
  }

  /** Does not wait: the socket is closed at once, and its `close` event waits for connections. */
  close(): Promise<void> {
    this.#closed = true;
    this.#stopWatching();
    this.#tcp.close();
    return Promise.resolve();
  }

  /** What waits in the queue is accepted before the close takes effect. */
  retire(): Promise<void> {
    return this.close();
  }

  #serve(tcp: TcpServer): void {
    tcp.on("connection", (socket) => this.#onConnection(socket));
    tcp.on("error", (error) => this.#spec.onFault?.(error));
  }

  /**
   * When `accept` fails because no descriptor is left, `node:net` stops accepting for good and says
   * nothing. It looks the same as nobody connecting; so after a silence the socket is replaced by a new
   * one on the same port, at a time when the old one's queue is empty unless it is broken.
   */
  #renewWhenSilent(): void {
    const { clock, reusePort } = this.#spec;
    if (this.#renewed || !reusePort || clock.now - this.#lastConnection < SILENCE_MS) return;
    this.#renewed = true;
    bind(this.#spec, this.port).then((tcp) => {
      if (this.#closed) {
        tcp.close();
        return;
      }
      this.#serve(tcp);
      this.#tcp.close();
      this.#tcp = tcp;
    }, (error) => {
      this.#renewed = false;
      this.#lastConnection = clock.now;
      this.#spec.onFault?.(error);
    });
  }

  #onConnection(socket: Socket): void {
    this.#lastConnection = this.#spec.clock.now;
    this.#renewed = false;
    socket.on("error", () => {});
    const closing = { close: () => void socket.destroy() };
    if (!this.#reception.admit(closing)) return;
    const addresses = addressesOf(socket);
    if (this.#spec.proxyProtocol === "off") this.#secure(socket, addresses, undefined);
    else void this.#readHeader(socket, addresses, this.#spec.proxyProtocol);
  }

  async #readHeader(socket: Socket, addresses: Addresses, version: "v1" | "v2"): Promise<void> {
    const { trustedProxies, clock, headTimeoutMs } = this.#spec;
    const { peerAddress } = this.#reception.factsOf(addresses, undefined);
    if (trustedProxies === undefined || !trustedProxies.has(peerAddress)) {
      socket.destroy();
      this.#reception.reject("proxy_untrusted");
      return;
    }
    const head = new SocketHead(socket);
    const header = await readProxyHeader(head, version, clock, headTimeoutMs);
    if (typeof header === "string") {
      this.#reception.reject(header);
      return;
    }
    head.release(header.rest);
    this.#secure(socket, addresses, header.source);
  }

  #secure(socket: Socket, addresses: Addresses, source: Endpoint | undefined): void {
    const closing = { close: () => void socket.destroy() };
    const timeoutMs = this.#current.handshakeTimeoutMs;
    const handshake = this.#reception.beginHandshake(closing, timeoutMs);
    if (handshake === undefined) return;
    const key = keyOf(addresses);
    this.#pending.set(key, { handshake, below: readSwitchOf(socket), addresses, source });
    socket.once("close", () => this.#onClosedEarly(key, handshake));
    this.#tls.emit("connection", socket);
  }

  /** The end of a handshake that did not succeed. */
  #onClosedEarly(key: string, handshake: Handshake): void {
    // The key may be another connection's by now: the peer's port is free again.
    if (this.#pending.get(key)?.handshake !== handshake) return;
    this.#pending.delete(key);
    handshake.end();
    this.#reception.reject(handshake.expired ? "tls_timeout" : "tls_handshake");
  }

  #onSecure(socket: TLSSocket): void {
    const key = keyOf(addressesOf(socket));
    const pending = this.#pending.get(key);
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    this.#pending.delete(key);
    pending.handshake.end();
    const asked = this.#current.clientAuth !== "off";
    const tls = tlsFactsOf(socket, asked);
    if (tls === undefined) {
      socket.on("error", () => {});
      socket.destroy();
      this.#reception.reject("tls_client_certificate");
      return;
    }
    const facts = withTls(this.#reception.factsOf(pending.addresses, pending.source), tls);
    // In the handshake the end of one direction is the end of both; from here on it is not.
    socket.allowHalfOpen = true;
    const stream = new NodeDuplex(socket, this.#spec.clock, pending.below);
    this.#reception.deliver(stream, facts, socket.alpnProtocol === "h2" ? "h2" : "http/1.1");
  }
}

function describe({ proxyProtocol }: ListenerSpec, { clientAuth }: TlsListenerSpec): string {
  const certificates = clientAuth === "off" ? "" : `, client certificates ${clientAuth}`;
  return `tls (names)${certificates}` + (proxyProtocol === "off" ? "" : `, PROXY ${proxyProtocol}`);
}

function bind({ hostname, reusePort }: ListenerSpec, port: number): Promise<TcpServer> {
  const tcp = createTcpServer({ noDelay: true });
  return new Promise((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen({ host: hostname, port, reusePort }, () => {
      tcp.off("error", reject);
      resolve(tcp);
    });
  });
}

function portOf(tcp: TcpServer): number {
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("not listening on TCP");
  return address.port;
}

function addressesOf(socket: Socket): Addresses {
  const { remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 } = socket;
  return {
    remoteAddr: { hostname: remoteAddress, port: remotePort },
    localAddr: { hostname: localAddress, port: localPort },
  };
}

/** A TCP connection to this listener; a `TLSSocket` has no public reference to what it wraps. */
function keyOf({ remoteAddr, localAddr }: Addresses): string {
  return `${remoteAddr.hostname} ${remoteAddr.port} ${localAddr.hostname}`;
}

function contextsOf(tls: TlsListenerSpec): NameTable<SecureContext> {
  const { pairs, names, fallback } = tls.material;
  const contexts = pairs.map((_, index) => createSecureContext(contextOptions(tls, index)));
  return new NameTable(
    names.map(([pattern, pair]) => [pattern, contexts[pair]]),
    fallback === undefined ? undefined : contexts[fallback],
  );
}

function contextOptions({ material, minVersion }: TlsListenerSpec, index: number | undefined) {
  const pair = index === undefined ? undefined : material.pairs[index];
  return { cert: pair?.cert, key: pair?.key, ca: material.clientRoots, minVersion };
}
