/**
 * What a TLS listener shows and asks for. Plain data: the keeper makes it and sends it to the
 * workers, which need no permission for the files.
 *
 * @module
 */

/** A certificate with its chain, and its key; PEM text, checked to belong together. */
export interface KeyPair {
  /** The certificate, then its chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** The certificates of a listener (spec 05 section 3.1). */
export interface TlsMaterial {
  /** Each pair once. */
  readonly pairs: readonly KeyPair[];
  /** Index of the pair for unknown names and clients that give none; without it they are refused. */
  readonly fallback: number | undefined;
  /** Host names and `*.suffix` patterns, lower case, and the index of their pair. */
  readonly names: readonly (readonly [pattern: string, pair: number])[];
  /** PEM bundle that client certificates must lead to; needed unless `clientAuth` is `off`. */
  readonly clientRoots: string | undefined;
}

/** TLS on a listener. */
export interface TlsListenerSpec {
  /** Certificates and client roots. */
  readonly material: TlsMaterial;
  /** Offered in this order. */
  readonly alpn: readonly string[];
  /** Lowest version of TLS that is accepted. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Whether clients are asked for a certificate, and may go without (spec 05 section 1.3). */
  readonly clientAuth: "off" | "optional" | "required";
  /** Whether version, cipher or server name of a connection are read. */
  readonly needsFacts: boolean;
  /** Whether to use the faster listener where it can do what is asked. */
  readonly fastListener: boolean;
  /** Time for a handshake. */
  readonly handshakeTimeoutMs: number;
}

/** The pair that every client gets whatever name it asks for, if there is only one. */
export function onlyPair({ pairs, fallback, names }: TlsMaterial): KeyPair | undefined {
  if (fallback === undefined || names.some(([, pair]) => pair !== fallback)) return undefined;
  return pairs[fallback];
}
