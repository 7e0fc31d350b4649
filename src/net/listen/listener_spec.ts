/**
 * What a listener is asked to be, and what it reports to its owner.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { ClientHello } from "../tls/client_hello.ts";
import type { TlsListenerSpec } from "../tls/spec.ts";
import type { TrustedPeers } from "../trusted_peers.ts";
import type { HeaderFailure } from "./read_proxy_header.ts";
import type { SocketIdentity, SocketSettings } from "./socket_identity.ts";

/**
 * The kinds of listeners a configuration or a module can ask for. Those that {@linkcode ListenerSpec} has no
 * member for cannot be opened by this build.
 */
export type ListenerKind = "tcp" | "tls" | "unix" | "udp" | "quic";

/** A listener to open. */
export type ListenerSpec = CleartextListenerSpec | SecureListenerSpec | UnixListenerSpec;

/** What every kind has. */
export interface CommonListenerSpec {
  /** The configured entry, `127.0.0.1:8080`; for logs and `ConnectionFacts.listener`. */
  readonly name: string;
  /** Key path for errors, `server.listen[0]`. */
  readonly key: string;
  /** Name of the codec for connections that choose none by ALPN. */
  readonly protocol: string;
  /** Most open connections, over all workers when `openCount` is given. */
  readonly maxConnections: number;
  /** Where the workers count together; without it the listener counts its own. */
  readonly openCount?: OpenCount;
  /** A header that every connection must begin with. */
  readonly proxyProtocol: "off" | "v1" | "v2";
  /** Peers that may send one; none when `undefined`. */
  readonly trustedProxies: TrustedPeers | undefined;
  /** Time for the whole PROXY header. */
  readonly headTimeoutMs: number;
  /** For time limits, and for pauses after a failure to accept. */
  readonly clock: Clock;
  /** A connection was closed before it reached a codec. */
  onRejected?(reason: Rejection, handshake?: FailedHandshake): void;
  /** Accepting failed and is paused for a moment, as when descriptors run out. */
  onFault?(error: Error): void;
  /** Something an operator should know. */
  onWarning?(message: string): void;
  /** No client can shake hands with one of our certificates; reported once for each. */
  onUnfitCertificate?(message: string): void;
}

/** A count of open connections. Every successful `tryTake` is followed by one `giveBack`. */
export interface OpenCount {
  /** Counts one more, unless there are `max`. */
  tryTake(max: number): boolean;
  /** Counts one less. */
  giveBack(): void;
}

/** A listener on a TCP port. */
export interface PortListenerSpec extends CommonListenerSpec {
  /** IP address to bind; `::` also takes IPv4. */
  readonly hostname: string;
  /** 0 for one the system picks. */
  readonly port: number;
  /** Let other workers bind the same port; the kernel spreads connections. */
  readonly reusePort: boolean;
}

/** Cleartext on a TCP port. */
export interface CleartextListenerSpec extends PortListenerSpec {
  readonly kind: "tcp";
}

/** TLS on a TCP port, after the PROXY header if there is one. */
export interface SecureListenerSpec extends PortListenerSpec {
  readonly kind: "tls";
  readonly tls: TlsListenerSpec;
  /**
   * The protocol that a connection is handed to as it came, its hello first, or `undefined` for one whose TLS ends
   * here. Must not throw.
   */
  readonly passesOn?: (hello: ClientHello) => string | undefined;
}

/** Cleartext on a unix socket, which one worker serves at a time. */
export interface UnixListenerSpec extends CommonListenerSpec, SocketSettings {
  /** Its place among the kinds. */
  readonly kind: "unix";
  /** The socket of this process at that path, whichever worker has made it. */
  readonly identity: SocketIdentity;
}

/** A TLS handshake that came to nothing, for the operator. */
export interface FailedHandshake {
  /** Of the client, as a PROXY header names it. */
  readonly peerAddress: string;
  /** What it asked for; `""` where that is not known. */
  readonly serverName: string;
  /** What went wrong; `""` where the client has just gone. */
  readonly why: string;
}

/** Why an accepted connection was closed before it reached a codec; a label of the counters. */
export type Rejection =
  | "max_connections"
  | "proxy_untrusted"
  | HeaderFailure
  /** Too many handshakes are under way already. */
  | "tls_busy"
  | "tls_timeout"
  | "tls_handshake"
  /** The client presented a certificate that does not verify. */
  | "tls_client_certificate";
