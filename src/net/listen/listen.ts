/**
 * Opens the gateway's listeners. Cleartext connections are handed over as the runtime's own
 * `Deno.TcpConn`, with nothing in between; TLS goes through one of two doors.
 *
 * @module
 */
import { AcceptLoop } from "./accept_loop.ts";
import { closeQuietly } from "../duplex.ts";
import { explainListenError } from "./listen_error.ts";
import type { Accepted, Listener } from "./listener.ts";
import type { ListenerSpec } from "./listener_spec.ts";
import { readProxyHeader } from "./read_proxy_header.ts";
import { Reception } from "./reception.ts";
import { ReplayDuplex } from "./replay.ts";
import { TlsListener } from "../tls/listener.ts";

export type { ListenerSpec, Rejection } from "./listener_spec.ts";
export type { KeyPair, TlsListenerSpec, TlsMaterial } from "../tls/spec.ts";

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
      // Reset since it was accepted: its first read will report it.
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
