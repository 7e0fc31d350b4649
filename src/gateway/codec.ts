/**
 * What is spoken on connections. A codec is a value with a name: `http/1.1`, `h2`, or that of a module's own
 * protocol, for whose listeners the module asks ({@linkcode ListenerNeed}).
 *
 * @module
 */
import type { OpenConnections } from "../http/server.ts";
import type { Accepted } from "../net/listen/listener.ts";
import type { ClientHello } from "../net/tls/client_hello.ts";

/** Serves connections of one protocol. */
export interface Codec {
  /** As ALPN has it (RFC 7301), or as the listener's `protocol` does. */
  readonly name: string;
  /**
   * Serves one connection to its end. What it throws ends this connection and no other.
   *
   * @param open Gets the connection, so that a drain waits for it and ends it.
   */
  serve(accepted: Accepted, open: OpenConnections): Promise<void>;
  /**
   * Whether it may take connections of a TLS listener of `[server]` before their handshake: asked once, when the
   * listener is opened.
   */
  sharesTls?(listener: string): boolean;
  /** Whether a connection with this hello is its own, as it came: TLS is not ended for it. Must not throw. */
  takesTls?(listener: string, hello: ClientHello): boolean;
}
