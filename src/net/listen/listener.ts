/**
 * What accepts connections: cleartext, or one of two TLS terminators, with or without a PROXY header first.
 *
 * @module
 */
import type { ConnectionFacts } from "../connection_facts.ts";
import type { Duplex } from "../duplex.ts";
import type { TlsListenerSpec } from "../tls/spec.ts";

/** A connection that is ready for its codec: PROXY header read, TLS handshake done. */
export interface Accepted {
  /** Its bytes in both directions. */
  readonly stream: Duplex;
  /** Its peer, and the handshake. */
  readonly facts: ConnectionFacts;
  /** Name of its codec: what ALPN has chosen, or what the listener is for. */
  readonly protocol: string;
  /** Called by the runtime when the codec has returned: the connection no longer counts as open. */
  done(): void;
}

/** An open listener. */
export interface Listener {
  /** The configured entry, `127.0.0.1:8080`. */
  readonly name: string;
  /** The bound port: differs from the entry for port 0. 0 for a unix socket. */
  readonly port: number;
  /** How it works, for `fluxheim explain`: `tcp`, `unix`, `tls (names)`. */
  readonly description: string;
  /**
   * TLS listeners only: shows and asks for what `tls` says in every handshake from now on. Handshakes
   * under way end as they began, open connections are not touched.
   *
   * @throws when it cannot; the listener is as it was before then.
   */
  updateTls?(tls: TlsListenerSpec): Promise<void>;
  /** Stops accepting; accepted connections go on. */
  close(): void;
  /**
   * The same, when others already listen on the port: what waits in this one's queue is accepted first.
   * When this returns, the socket is closed.
   */
  retire(): Promise<void>;
}
