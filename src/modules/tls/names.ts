/**
 * What a configuration may call key exchange groups and cipher suites (spec 05 section 2).
 *
 * @module
 */

/** Every spelling of a key exchange group. */
export const GROUP_NAMES = [
  "x25519",
  "X25519",
  "p256",
  "P-256",
  "CurveP256",
  "p384",
  "P-384",
  "CurveP384",
  "x25519-mlkem768",
  "X25519MLKEM768",
  "X25519-MLKEM768",
] as const;

/** Every cipher suite with a name. */
export const SUITE_NAMES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
] as const;
