/**
 * What the runtime's TLS offers, to clients at either terminator and to upstreams. Nothing of it can be chosen or
 * asked for while the program runs, so it is listed here, and `offer_test.ts` shakes hands over each.
 *
 * @module
 */

/** Name and number (IANA, "TLS Parameters"). */
export type Offered = readonly [name: string, id: number];

/** The library that the runtime contains, and what does its cryptography. */
export const TLS_LIBRARY = "rustls with aws-lc-rs, as the runtime contains them";

/** Cipher suites of TLS 1.3. */
export const TLS13_SUITES: readonly Offered[] = [
  ["TLS_AES_256_GCM_SHA384", 0x1302],
  ["TLS_AES_128_GCM_SHA256", 0x1301],
  ["TLS_CHACHA20_POLY1305_SHA256", 0x1303],
];

/** Cipher suites of TLS 1.2; of each three, those that fit the key of the certificate. */
export const TLS12_SUITES: readonly Offered[] = [
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8],
];

/** Key exchange groups; the first is post-quantum and X25519 in one, and for TLS 1.3 alone. */
export const GROUPS: readonly Offered[] = [
  ["X25519MLKEM768", 0x11ec],
  ["X25519", 29],
  ["P-256", 23],
  ["P-384", 24],
];
