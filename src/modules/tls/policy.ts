/**
 * TLS policy: names of groups and suites, and what the runtime really does (spec 05 section 2). It
 * offers exactly the suites and groups of the profiles' defaults and lets the client's order decide;
 * neither of its TLS servers takes a list, so an explicit one is refused.
 *
 * @module
 */
import type { TlsConfig } from "./schema.ts";

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

/** The lowest version that is accepted. */
export function lowestVersion({ profile, min_protocol }: TlsConfig): "TLSv1.2" | "TLSv1.3" {
  const lowest = min_protocol ?? (profile === "modern" ? "tls1.3" : "tls1.2");
  return lowest === "tls1.3" ? "TLSv1.3" : "TLSv1.2";
}

/** What is offered by ALPN, in this order. */
export function offeredProtocols({ alpn }: TlsConfig): readonly ("h2" | "http/1.1")[] {
  switch (alpn) {
    case "http1":
      return ["http/1.1"];
    case "http2":
      return ["h2"];
    case "http1-and-http2":
      return ["h2", "http/1.1"];
  }
}

/** The mode label of status and diagnostics (spec 05 section 5). */
export function complianceMode({ fips, iso19790 }: TlsConfig): string {
  const modes = [
    ...(fips.required ? ["FIPS 140-3"] : []),
    ...(iso19790.required ? ["ISO/IEC 19790"] : []),
  ];
  return modes.length === 0 ? "none" : modes.join(" / ");
}
