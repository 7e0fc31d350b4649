/**
 * `[tls]` and `[vhosts.tls]` (spec 05 section 1). ACME keys are another module's.
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { enumWord, filePath, list, valueKinds } from "../../config/schema/values.ts";
import { inertKeys } from "../../config/schema/remarks.ts";
import { GROUP_NAMES, SUITE_NAMES } from "./names.ts";

const MAX_CERTIFICATES = 1024;
const MAX_GROUPS = 16;
const MAX_SUITES = 32;

const pair = z.strictObject({
  cert_path: filePath({ trustedParent: true, links: true })
    .describe("PEM file: the certificate, then those that lead to its root."),
  key_path: filePath({ trustedParent: true, links: true })
    .describe("PEM file: its private key, not encrypted."),
});

const clientAuth = z.strictObject({
  mode: enumWord(["off", "optional", "required"]).default("off").describe(
    "Whether clients are asked for a certificate. `optional`: one that is presented must verify. " +
      "`required`: there is no connection without one.",
  ),
  ca_path: filePath({ trustedParent: true, links: true }).optional()
    .describe("PEM bundle of the roots that client certificates must lead to."),
});

const compliance = z.strictObject({
  required: z.boolean().default(false).describe(
    "Refuse to run without a validated provider. This runtime has none, so `true` is refused.",
  ),
  require_disk_cache_encryption: z.boolean().default(false).register(inertKeys, {
    because: "this build has no disk cache",
    instead: "leave it out",
  })
    .describe("Make a disk cache that is not encrypted an error instead of a warning."),
});

const PROTOCOLS = {
  "tls1.2": "tls1.2",
  "TLS1.2": "tls1.2",
  "VersionTLS12": "tls1.2",
  "tls1.3": "tls1.3",
  "TLS1.3": "tls1.3",
  "VersionTLS13": "tls1.3",
} as const;

/** A TLS version in any of its spellings; the value is `tls1.2` or `tls1.3`. */
const protocol = z.enum(
  ["tls1.2", "tls1.3", "TLS1.2", "TLS1.3", "VersionTLS12", "VersionTLS13"],
).transform((word) => PROTOCOLS[word])
  .register(valueKinds, { type: "string", allowed: "`tls1.2`, `tls1.3`" });

/** `[tls]`. */
export const tlsSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Serve TLS on `server.tls_listen`."),
  backend: enumWord(["rustls", "openssl"]).default("rustls").describe(
    "TLS implementation. This runtime has one, which goes by the name `rustls`; `openssl` is refused.",
  ),
  profile: enumWord(["modern", "intermediate", "compat"]).default("intermediate").describe(
    "`modern`: TLS 1.3 only. `intermediate` and `compat`: TLS 1.2 and 1.3.",
  ),
  min_protocol: protocol.optional().describe("Lowest version; that of the profile unless set."),
  alpn: enumWord(["http1", "http2", "http1-and-http2"]).default("http1-and-http2")
    .describe("Protocols offered to clients; of two, `h2` comes first."),
  curve_preferences: list(enumWord(GROUP_NAMES), { max: MAX_GROUPS }).default([]).describe(
    "Must be empty: this runtime does not let key exchange groups be chosen. It offers " +
      "X25519MLKEM768, X25519, P-256 and P-384, the client's order decides.",
  ),
  cipher_suites: list(enumWord(SUITE_NAMES), { max: MAX_SUITES }).default([]).describe(
    "Must be empty: this runtime does not let cipher suites be chosen. It offers those of the " +
      "profile's default, the client's order decides.",
  ),
  certificates: list(pair, { max: MAX_CERTIFICATES }).default([])
    .describe("Certificates; the first is for names that no vhost has one for."),
  fast_listener: z.boolean().default(false).describe(
    "Use the runtime's own TLS server where it can do what is asked: one certificate, no client " +
      "certificates, no PROXY header. It is faster, but a renewal can reset a client that is just " +
      "connecting, unless `net.ipv4.tcp_migrate_req` is 1.",
  ),
  client_auth: clientAuth.prefault({}).describe("Certificates of clients, on every TLS listener."),
  fips: compliance.prefault({}).describe("FIPS 140-3 enforcement."),
  iso19790: compliance.prefault({}).describe("The same under the name ISO/IEC 19790."),
});

/** `[vhosts.tls]`. */
export const vhostTlsSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Show this vhost's certificate for its hosts."),
  certificate: pair.optional().describe(
    "The certificate; required when enabled, unless `acme` manages one that is for these hosts.",
  ),
});

/** `[tls.acme]`, whose other keys are a module's that manages certificates. */
export interface ManagedTls {
  readonly enabled: boolean;
}
/** `[vhosts.tls.acme]`, likewise. */
export interface ManagedVhostTls {
  readonly enabled: boolean;
  /** Names on the certificate; those of the vhost where it is empty. */
  readonly domains: readonly string[];
}

/** A checked `[tls]` table. */
export type TlsConfig = Frozen<z.output<typeof tlsSchema>> & { readonly acme?: ManagedTls };
/** A checked `[vhosts.tls]` table. */
export type VhostTlsConfig = Frozen<z.output<typeof vhostTlsSchema>> & {
  readonly acme?: ManagedVhostTls;
};
/** Paths of a certificate and its key. */
export type PairPaths = Frozen<z.output<typeof pair>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly tls?: TlsConfig;
  }
  interface VhostTables {
    readonly tls?: VhostTlsConfig;
  }
}
