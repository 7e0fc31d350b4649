/**
 * Opens the gateway's listeners. Cleartext connections are handed over as the runtime's own
 * `Deno.TcpConn`, with nothing in between; TLS goes through one of two doors.
 *
 * @module
 */
import { AcceptLoop } from "./accept_loop.ts";
import type { Clock } from "./clock.ts";
import { closeQuietly } from "./duplex.ts";
import type { IpSet } from "./ip_set.ts";
import { explainListenError } from "./listen_error.ts";
import type { Accepted, Listener } from "./listener.ts";
import { readProxyHeader } from "./read_proxy_header.ts";
import { Reception, type Rejection } from "./reception.ts";
import { ReplayDuplex } from "./replay.ts";
import { TlsListener } from "./tls_listener.ts";
import type { TlsListenerSpec } from "./tls_spec.ts";

export type { Rejection } from "./reception.ts";
export type { KeyPair, TlsListenerSpec, TlsMaterial } from "./tls_spec.ts";

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
  /** TLS, after the PROXY header if there is one; cleartext without. */
  readonly tls?: TlsListenerSpec;
  readonly clock: Clock;
  /** A connection was closed before it reached a codec. */
  onRejected?(reason: Rejection): void;
  /** Accepting failed and is paused for a moment, as when descriptors run out. */
  onFault?(error: Error): void;
  /** Something an operator should know. */
  onWarning?(message: string): void;
}

/**
 * Binds and begins to accept.
 *
 * @param onAccept Called for each connection that is ready for its codec. Must not throw.
 * @throws {ListenError} when the address cannot be bound.
 */
export async function openListener(
  spec: ListenerSpec,
  onAccept: (accepted: Accepted) => void,
): Promise<Listener> {
  try {
    if (spec.tls !== undefined) return await TlsListener.open(spec, spec.tls, onAccept);
    return new TcpListener(spec, new Reception(spec, onAccept));
  } catch (error) {
    throw explainListenError(spec.key, spec.name, error);
  }
}

/** A cleartext listener, with or without a PROXY header first. */
class TcpListener implements Listener {
  readonly name: string;
  readonly port: number;
  readonly door: string;
  readonly #spec: ListenerSpec;
  readonly #reception: Reception;
  readonly #loop: AcceptLoop<Deno.TcpConn>;

  constructor(spec: ListenerSpec, reception: Reception) {
    this.#spec = spec;
    this.#reception = reception;
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
    this.#loop.start();
  }

  close(): void {
    void this.#loop.close();
  }

  retire(): Promise<void> {
    return this.#loop.retire();
  }

  #admit(connection: Deno.TcpConn): void {
    const reception = this.#reception;
    if (!reception.admit(connection)) return;
    try {
      // Heads and last pieces leave at once; the codecs write in as few pieces as they can.
      connection.setNoDelay(true);
    } catch {
      // Reset since it was accepted: its first read will tell.
    }
    const { proxyProtocol } = this.#spec;
    if (proxyProtocol === "off") {
      reception.deliver(connection, reception.factsOf(connection, undefined), "http/1.1");
    } else void this.#admitProxied(connection, proxyProtocol);
  }

  async #admitProxied(connection: Deno.TcpConn, version: "v1" | "v2"): Promise<void> {
    const reception = this.#reception;
    const { trustedProxies, clock, headTimeoutMs } = this.#spec;
    const { peerAddress } = reception.factsOf(connection, undefined);
    if (trustedProxies === undefined || !trustedProxies.has(peerAddress)) {
      closeQuietly(connection);
      reception.reject("proxy_untrusted");
      return;
    }
    const header = await readProxyHeader(connection, version, clock, headTimeoutMs);
    if (typeof header === "string") {
      reception.reject(header);
      return;
    }
    const { source, rest } = header;
    const stream = rest.length === 0 ? connection : new ReplayDuplex(connection, rest);
    reception.deliver(stream, reception.factsOf(connection, source), "http/1.1");
  }
}
