/**
 * What the two ways to accept TLS connections have in common.
 *
 * @module
 */
import type { TlsListenerSpec } from "./spec.ts";

/** One way to accept TLS connections. */
export interface TlsTerminator {
  /** For `Listener.description`. */
  readonly description: string;
  readonly port: number;
  /** Takes `tls` over for new handshakes; `false` when that needs another terminator. */
  update(tls: TlsListenerSpec): boolean;
  /** Stops accepting. When this returns, the socket is closed. */
  close(): Promise<void>;
  /** The same, when another terminator on the same port has been opened: loses as little as can be. */
  retire(): Promise<void>;
}
