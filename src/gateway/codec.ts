/**
 * What is spoken on connections. A codec is a value with a name: `http/1.1`, `h2`, or that of a module's own
 * protocol, for whose listeners the module asks ({@linkcode ListenerNeed}).
 *
 * @module
 */
import type { OpenConnections } from "../http/server.ts";
import type { Accepted } from "../net/listen/listener.ts";

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
}
