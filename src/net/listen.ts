/**
 * Opens the gateway's listeners. Cleartext connections are handed over as the runtime's own
 * `Deno.TcpConn`, with nothing in between.
 *
 * @module
 */
import type { ConnectionFacts } from "../http/exchange.ts";
import { AcceptLoop } from "./accept_loop.ts";
import type { Clock } from "./clock.ts";
import { ConnectionBudget } from "./connection_budget.ts";
import { closeQuietly, type Duplex } from "./duplex.ts";
import { socketAddress } from "./ip.ts";
import type { IpSet } from "./ip_set.ts";
import { explainListenError } from "./listen_error.ts";
import type { Accepted, Listener } from "./listener.ts";
import { type HeaderFailure, readProxyHeader } from "./read_proxy_header.ts";
import { ReplayDuplex } from "./replay.ts";

/** Why an accepted connection was closed before it reached a codec; a label of the counters. */
export type Rejection = "max_connections" | "proxy_untrusted" | HeaderFailure;

/** A listener to open. */
export interface ListenerSpec {
  /** The configured entry, `127.0.0.1:8080`; for logs and {@linkcode ConnectionFacts.listener}. */
  readonly name: string;
  /** IP address to bind; `::` also takes IPv4. */
  readonly hostname: string;
  /** 0 for one the system picks. */
  readonly port: number;
  /** Let other workers bind the same port; the kernel spreads connections. */
  readonly reusePort: boolean;
  /** Key path for errors, `server.listen[0]`. */
  readonly key: string;
  /** Most open connections, over all workers when `openCount` is given. */
  readonly maxConnections: number;
  /** Where the workers count together: memory of {@linkcode ConnectionBudget.bytes}, and who we are. */
  readonly openCount?: { readonly shared: SharedArrayBuffer; readonly worker: number };
  /** A header that every connection must begin with. */
  readonly proxyProtocol: "off" | "v1" | "v2";
  /** Peers that may send one; nobody when `undefined`. */
  readonly trustedProxies: IpSet | undefined;
  /** Time for the whole PROXY header. */
  readonly headTimeoutMs: number;
  readonly clock: Clock;
  /** A connection was closed before it reached a codec. */
  onRejected?(reason: Rejection): void;
  /** Accepting failed and is paused for a moment, as when descriptors run out. */
  onFault?(error: Error): void;
}

/**
 * Binds and begins to accept.
 *
 * @param onAccept Called for each connection that is ready for its codec. Must not throw.
 * @throws {ListenError} when the address cannot be bound.
 */
export function openListener(
  spec: ListenerSpec,
  onAccept: (accepted: Accepted) => void,
): Promise<Listener> {
  try {
    return Promise.resolve(new TcpListener(spec, onAccept));
  } catch (error) {
    return Promise.reject(explainListenError(spec.key, spec.name, error));
  }
}

/** A cleartext listener, with or without a PROXY header first. */
class TcpListener implements Listener {
  readonly name: string;
  readonly port: number;
  readonly door: string;
  readonly #spec: ListenerSpec;
  readonly #onAccept: (accepted: Accepted) => void;
  readonly #budget: ConnectionBudget;
  readonly #loop: AcceptLoop<Deno.TcpConn>;

  constructor(spec: ListenerSpec, onAccept: (accepted: Accepted) => void) {
    this.#spec = spec;
    this.#onAccept = onAccept;
    const { shared, worker } = spec.openCount ?? {};
    this.#budget = new ConnectionBudget(spec.maxConnections, shared, worker);
    const { hostname, port, reusePort } = spec;
    const listener = Deno.listen({ hostname, port, reusePort });
    this.name = spec.name;
    this.port = listener.addr.port;
    this.door = spec.proxyProtocol === "off" ? "tcp" : `tcp, PROXY ${spec.proxyProtocol}`;
    this.#loop = new AcceptLoop(
      listener,
      spec.clock,
      (connection) => this.#admit(connection),
      (error) => spec.onFault?.(error),
    );
    void this.#loop.run();
  }

  close(): void {
    this.#loop.close();
  }

  #admit(connection: Deno.TcpConn): void {
    if (!this.#budget.take()) {
      closeQuietly(connection);
      this.#spec.onRejected?.("max_connections");
      return;
    }
    try {
      // Heads and last pieces leave at once; the codecs write in as few pieces as they can.
      connection.setNoDelay(true);
    } catch {
      // Reset since it was accepted: its first read will tell.
    }
    const facts = this.#factsOf(connection);
    if (this.#spec.proxyProtocol === "off") {
      this.#onAccept(new OpenConnection(connection, facts, this.#budget));
    } else void this.#admitProxied(connection, facts, this.#spec.proxyProtocol);
  }

  async #admitProxied(
    connection: Deno.TcpConn,
    direct: ConnectionFacts,
    version: "v1" | "v2",
  ): Promise<void> {
    const { trustedProxies, clock, headTimeoutMs } = this.#spec;
    if (trustedProxies === undefined || !trustedProxies.has(direct.peerAddress)) {
      closeQuietly(connection);
      this.#refuse("proxy_untrusted");
      return;
    }
    const header = await readProxyHeader(connection, version, clock, headTimeoutMs);
    if (typeof header === "string") {
      this.#refuse(header);
      return;
    }
    const { source, rest } = header;
    const facts = source === undefined ? direct : {
      ...direct,
      peerAddress: source.address,
      peerPort: source.port,
      peerIsDirect: false,
    };
    const stream = rest.length === 0 ? connection : new ReplayDuplex(connection, rest);
    this.#onAccept(new OpenConnection(stream, facts, this.#budget));
  }

  #refuse(reason: Rejection): void {
    this.#budget.release();
    this.#spec.onRejected?.(reason);
  }

  #factsOf(connection: Deno.TcpConn): ConnectionFacts {
    const { remoteAddr, localAddr } = connection;
    return {
      peerAddress: socketAddress(remoteAddr.hostname),
      peerPort: remoteAddr.port,
      peerIsDirect: true,
      localAddress: socketAddress(localAddr.hostname),
      localPort: localAddr.port,
      listener: this.name,
      tls: undefined,
    };
  }
}

/** A cleartext connection on its way to the codec. */
class OpenConnection implements Accepted {
  readonly protocol = "http/1.1";
  #budget: ConnectionBudget | undefined;

  constructor(readonly stream: Duplex, readonly facts: ConnectionFacts, budget: ConnectionBudget) {
    this.#budget = budget;
  }

  done(): void {
    this.#budget?.release();
    this.#budget = undefined;
  }
}
