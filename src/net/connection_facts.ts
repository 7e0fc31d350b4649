/**
 * The facts of a downstream connection: its peer, and what TLS reported about it.
 *
 * @module
 */

/** Result of the TLS handshake of a connection; absent on cleartext. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`; `""` where the runtime does not report. */
  readonly version: string;
  /** Suite name as the library spells it; `""` where the runtime does not report. */
  readonly cipher: string;
  /** Name the client asked for, lower case, or `""`. */
  readonly serverName: string;
  /** The verified client certificate, if one was presented. */
  readonly client: ClientCertificate | undefined;
}

/** The leaf certificate a client proved to own. */
export interface ClientCertificate {
  /** SHA-256 over the DER, lower-case hex. */
  readonly sha256: string;
  /** Serial number, upper-case hex. */
  readonly serial: string;
  /** Subject organization, or `""`. */
  readonly organization: string;
}

/** The facts of a downstream connection that every exchange on it shares. */
export interface ConnectionFacts {
  /**
   * Address of the client as TCP, or the PROXY header, says; IPv4-mapped IPv6 is written as IPv4. `""` for a
   * program that has connected to a unix socket.
   */
  readonly peerAddress: string;
  /** Port that goes with `peerAddress`. */
  readonly peerPort: number;
  /** Whether `peerAddress` is the peer itself rather than the address in a PROXY header. */
  readonly peerIsDirect: boolean;
  /** Address at which the connection arrived, or that of the PROXY header. */
  readonly localAddress: string;
  /** Port that goes with `localAddress`. */
  readonly localPort: number;
  /** The `server.listen` or `server.tls_listen` entry, or the address of a module's listener, this connection came in by. */
  readonly listener: string;
  /** The handshake; `undefined` on a cleartext listener. */
  readonly tls: TlsFacts | undefined;
}
