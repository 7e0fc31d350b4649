/**
 * The usual TLS terminator: a certificate for each name, a minimum version, client certificates, a PROXY header
 * before the handshake. Each certificate has a `node:tls` server, which never listens: it is handed the
 * connections of clients that ask for its names. Choosing by the runtime's own callback would make it set
 * up TLS twice for every connection, and keep both. Certificates, and what clients are asked for, change
 * while the terminator is open.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { acceptAgain, BACKLOG } from "../listen/accept_again.ts";
import { mayBeHello, mayBeHttp, readClientHello } from "./client_hello.ts";
import { ClientTrust } from "./client_trust.ts";
import type { FailedHandshake, SecureListenerSpec } from "../listen/listener_spec.ts";
import { NameTable } from "./name_table.ts";
import { NodeDuplex } from "../node_duplex.ts";
import type { Endpoint } from "../listen/proxy_protocol.ts";
import { pairFault } from "./prove_pair.ts";
import { type ReadSwitch, readSwitchOf } from "../read_switch.ts";
import { readProxyHeader, type ReceivedHeader } from "../listen/read_proxy_header.ts";
import { type Addresses, type Handshake, type Reception, withTls } from "../listen/reception.ts";
import { SocketHead } from "../listen/socket_head.ts";
import { type ClientRule, tlsFactsOf } from "./facts.ts";
import type { TlsTerminator } from "./terminator.ts";
import type { KeyPair, TlsListenerSpec } from "./spec.ts";

/** With no new connection for so long, a listener may have stopped accepting: see `acceptAgain`. */
const SILENCE_MS = 1_000;

/** A connection whose handshake is under way. */
interface Pending {
  readonly handshake: Handshake;
  readonly below: ReadSwitch;
  readonly addresses: Addresses;
  /** The client that a PROXY header spoke for. */
  readonly source: Endpoint | undefined;
  /** What the client asked for; `""` until that is known. */
  serverName: string;
  /** What went wrong; `""` while nothing has. */
  why: string;
  readonly socket: Socket;
}

/** A TLS listener with a certificate for each name. */
export class NamesTerminator implements TlsTerminator {
  readonly port: number;
  readonly #spec: SecureListenerSpec;
  readonly #reception: Reception;
  readonly #pending = new Map<string, Pending>();
  /** Pairs that a handshake has failed with, and that were looked at for it. */
  readonly #doubted = new WeakSet<KeyPair>();
  readonly #stopWatching: () => void;
  #current: TlsListenerSpec;
  #clientRule: ClientRule | undefined;
  #servers: NameTable<TlsServer>;
  readonly #tcp: TcpServer;
  #lastConnection: number;

  private constructor(
    spec: SecureListenerSpec,
    tls: TlsListenerSpec,
    reception: Reception,
    tcp: TcpServer,
  ) {
    this.#spec = spec;
    this.#reception = reception;
    this.#current = tls;
    this.#clientRule = clientRuleOf(tls);
    this.#servers = this.#serversOf(tls);
    this.#tcp = tcp;
    this.#lastConnection = spec.clock.now;
    this.port = portOf(tcp);
    tcp.on("connection", (socket) => this.#onConnection(socket));
    tcp.on("error", (error) => spec.onFault?.(error));
    this.#stopWatching = spec.clock.every(() => this.#breakSilence());
  }

  /** @param port To bind; differs from that of `spec` when this terminator replaces another. */
  static async open(
    spec: SecureListenerSpec,
    tls: TlsListenerSpec,
    reception: Reception,
    port: number,
  ): Promise<NamesTerminator> {
    return new NamesTerminator(spec, tls, reception, await bind(spec, port));
  }

  get description(): string {
    return describe(this.#spec, this.#current);
  }

  /** Every change is taken over: handshakes that are under way end as they began. */
  update(tls: TlsListenerSpec): boolean {
    this.#servers = this.#serversOf(tls);
    this.#clientRule = clientRuleOf(tls);
    this.#current = tls;
    return true;
  }

  /** Does not wait: the socket is closed at once, and its `close` event waits for connections. */
  close(): Promise<void> {
    this.#stopWatching();
    this.#tcp.close();
    return Promise.resolve();
  }

  /** What waits in the queue is accepted before the close takes effect. */
  retire(): Promise<void> {
    return this.close();
  }

  /** No client connecting looks the same as a listener that has stopped accepting. */
  #breakSilence(): void {
    const { now } = this.#spec.clock;
    if (now - this.#lastConnection < SILENCE_MS) return;
    this.#lastConnection = now;
    acceptAgain(this.#tcp);
  }

  #onConnection(socket: Socket): void {
    this.#lastConnection = this.#spec.clock.now;
    socket.on("error", () => {});
    const closing = { close: () => void socket.destroy() };
    if (!this.#reception.admit(closing)) return;
    const addresses = addressesOf(socket);
    const head = new SocketHead(socket);
    const { proxyProtocol } = this.#spec;
    if (proxyProtocol !== "off") void this.#readHeader(socket, head, addresses, proxyProtocol);
    else this.#secure(socket, head, addresses, { source: undefined, rest: NOTHING });
  }

  async #readHeader(
    socket: Socket,
    head: SocketHead,
    addresses: Addresses,
    version: "v1" | "v2",
  ): Promise<void> {
    const { trustedProxies, clock, headTimeoutMs } = this.#spec;
    if (trustedProxies?.hasPeer(this.#reception.factsOf(addresses, undefined)) !== true) {
      socket.destroy();
      this.#reception.reject("proxy_untrusted");
      return;
    }
    const header = await readProxyHeader(head, version, clock, headTimeoutMs);
    if (typeof header === "string") this.#reception.reject(header);
    else this.#secure(socket, head, addresses, header);
  }

  #secure(
    socket: Socket,
    head: SocketHead,
    addresses: Addresses,
    { source, rest }: ReceivedHeader,
  ): void {
    const closing = { close: () => void socket.destroy() };
    const timeoutMs = this.#current.handshakeTimeoutMs;
    const handshake = this.#reception.beginHandshake(closing, timeoutMs);
    if (handshake === undefined) return;
    const key = keyOf(addresses);
    const below = readSwitchOf(socket);
    const pending: Pending = {
      handshake,
      below,
      addresses,
      source,
      serverName: "",
      why: "",
      socket,
    };
    this.#pending.set(key, pending);
    socket.once("close", () => this.#onClosedEarly(key, handshake));
    void this.#shakeHands(socket, head, rest, pending);
  }

  async #shakeHands(
    socket: Socket,
    head: SocketHead,
    early: Uint8Array,
    pending: Pending,
  ): Promise<void> {
    const hello = await readClientHello(head, early);
    if (hello !== undefined && mayBeHttp(hello.bytes)) {
      pending.why = "it speaks HTTP without TLS";
      // What is unread at the close takes the answer away; a client that sends more for ever gets none.
      while (socket.read() !== null);
      socket.end(PLAIN_HTTP_ANSWER, () => socket.destroy());
      return;
    }
    const protocol = hello === undefined ? undefined : this.#spec.passesOn?.(hello);
    if (hello !== undefined && protocol !== undefined && !socket.destroyed) {
      head.release(hello.bytes);
      this.#passOn(socket, pending, protocol);
      return;
    }
    const server = hello === undefined ? undefined : this.#servers.get(hello.serverName);
    if (hello !== undefined) pending.serverName = hello.serverName.toLowerCase();
    if (hello === undefined || server === undefined || socket.destroyed) {
      if (hello !== undefined && server === undefined) pending.why = "no certificate has that name";
      // Its `close` event gives its place back.
      socket.destroy();
      return;
    }
    if (!mayBeHello(hello.bytes)) {
      pending.why = "it does not speak TLS";
      socket.end(UNEXPECTED_MESSAGE, () => socket.destroy());
      return;
    }
    head.release(hello.bytes);
    server.emit("connection", socket);
  }

  /** Hands a connection over as it came: its TLS is for another program to end. */
  #passOn(socket: Socket, { handshake, addresses, source }: Pending, protocol: string): void {
    this.#pending.delete(keyOf(addresses));
    handshake.end();
    socket.allowHalfOpen = true;
    const stream = new NodeDuplex(socket, this.#spec.clock);
    this.#reception.deliver(stream, this.#reception.factsOf(addresses, source), protocol);
  }

  /** The end of a handshake that did not succeed. */
  #onClosedEarly(key: string, handshake: Handshake): void {
    // The key may be another connection's by now: the peer's port is free again.
    const pending = this.#pending.get(key);
    if (pending?.handshake !== handshake) return;
    this.#pending.delete(key);
    handshake.end();
    this.#reception.reject(
      handshake.expired ? "tls_timeout" : "tls_handshake",
      this.#failed(pending, pending.why),
    );
  }

  /** The library's error does not say whose it is: that of the connection which it has just ended. */
  #blame({ message }: Error): void {
    const ended = [...this.#pending.values()]
      .filter(({ socket, why }) => socket.destroyed && why === "");
    if (ended.length === 1) ended[0].why = message;
  }

  #failed({ addresses, source, serverName }: Pending, why: string): FailedHandshake {
    const { peerAddress } = this.#reception.factsOf(addresses, source);
    return { peerAddress, serverName, why };
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
    const tls = tlsFactsOf(socket, this.#clientRule, pending.serverName);
    if (tls === undefined) {
      socket.on("error", () => {});
      socket.destroy();
      this.#reception.reject("tls_client_certificate", this.#failed(pending, ""));
      return;
    }
    const facts = withTls(this.#reception.factsOf(pending.addresses, pending.source), tls);
    // In the handshake the end of one direction is the end of both; from here on it is not.
    socket.allowHalfOpen = true;
    const stream = new NodeDuplex(socket, this.#spec.clock, pending.below);
    const { alpnProtocol } = socket;
    const isChosen = typeof alpnProtocol === "string" && alpnProtocol !== "";
    this.#reception.deliver(stream, facts, isChosen ? alpnProtocol : this.#spec.protocol);
  }

  /** Whether a handshake failed because of ourselves: its error does not show it, another handshake does. */
  async #doubt(pair: KeyPair, { clientAuth, material }: TlsListenerSpec): Promise<void> {
    if (this.#doubted.has(pair)) return;
    this.#doubted.add(pair);
    const fault = await pairFault(pair, clientAuth === "off" ? undefined : material.clientRoots);
    if (fault === undefined) return;
    const subject = new X509Certificate(pair.cert).subject.replaceAll("\n", ", ");
    this.#spec.onUnfitCertificate?.(`the certificate of ${subject} ${fault}`);
  }

  /** A server for each pair. */
  #serversOf(tls: TlsListenerSpec): NameTable<TlsServer> {
    const { pairs, names, fallback, clientRoots } = tls.material;
    const servers = pairs.map((pair) => {
      const server = createTlsServer({
        cert: pair.cert,
        key: pair.key,
        ca: clientRoots,
        minVersion: tls.minVersion,
        ALPNProtocols: [...tls.alpn],
        requestCert: tls.clientAuth !== "off",
        rejectUnauthorized: tls.clientAuth === "required",
        // The limit is kept by us, but for so long the runtime keeps all of a handshake that failed.
        handshakeTimeout: tls.handshakeTimeoutMs,
      });
      server.on("secureConnection", (socket) => this.#onSecure(socket));
      // The socket is closed, and its `close` event gives its place back.
      server.on("tlsClientError", (error) => {
        this.#blame(error);
        void this.#doubt(pair, tls);
      });
      return server;
    });
    return new NameTable(
      names.map(([pattern, pair]) => [pattern, servers[pair]]),
      fallback === undefined ? undefined : servers[fallback],
    );
  }
}

const NOTHING = new Uint8Array(0);

const PLAIN_HTTP_TEXT =
  "This port speaks HTTPS. Ask again with https:// in front of the address.\n";

/** For clients that speak HTTP without TLS here. */
const PLAIN_HTTP_ANSWER =
  "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n" +
  "cache-control: no-store\r\nconnection: close\r\n" +
  `content-length: ${PLAIN_HTTP_TEXT.length}\r\n\r\n${PLAIN_HTTP_TEXT}`;

/** A fatal alert (RFC 8446 section 6.2), for clients that speak something else. */
const UNEXPECTED_MESSAGE = Uint8Array.of(21, 3, 1, 0, 2, 2, 10);

function clientRuleOf({ clientAuth, material }: TlsListenerSpec): ClientRule | undefined {
  if (clientAuth === "off" || material.clientRoots === undefined) return undefined;
  return { optional: clientAuth === "optional", trust: new ClientTrust(material.clientRoots) };
}

function describe({ proxyProtocol }: SecureListenerSpec, { clientAuth }: TlsListenerSpec): string {
  const certificates = clientAuth === "off" ? "" : `, client certificates ${clientAuth}`;
  return `tls (names)${certificates}` + (proxyProtocol === "off" ? "" : `, PROXY ${proxyProtocol}`);
}

function bind({ hostname, reusePort }: SecureListenerSpec, port: number): Promise<TcpServer> {
  const tcp = createTcpServer({ noDelay: true });
  return new Promise((resolve, reject) => {
    tcp.once("error", reject);
    tcp.listen({ host: hostname, port, reusePort, backlog: BACKLOG }, () => {
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
