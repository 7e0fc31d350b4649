/**
 * Every profile Fluxheim 1.5 knows by name (spec 01 section 5.2), and which modules exclude each other. The
 * modules themselves are in `modules.ts`. This file is data: what may be combined is in `feature_set.ts`.
 *
 * @module
 */
import type { CatalogProfile } from "./types.ts";

const CODECS = ["compression-gzip", "compression-zstd", "compression-brotli"];
const OBSERVABILITY = ["metrics", "metrics-otlp", "otel-tracing", "otel-otlp"];
const EDGE = ["tls-rustls", "security"];

/** Every profile and release artifact, in the order of spec 01 section 5.2. */
export const PROFILES: readonly CatalogProfile[] = [
  {
    name: "core",
    alias: "profile-core",
    modules: ["proxy", "web", "cache", ...EDGE],
    use: "general",
    release: false,
  },
  {
    name: "static-site",
    alias: "profile-static-site",
    modules: ["proxy", "web", ...EDGE],
    use: "static sites, no cache",
    release: false,
  },
  {
    name: "reverse-proxy",
    alias: "profile-reverse-proxy",
    modules: ["proxy", ...EDGE],
    use: "reverse proxy only",
    release: false,
  },
  {
    name: "cache-server",
    alias: "profile-cache-server",
    includes: ["core"],
    modules: [],
    use: "the same set as core, under its older name",
    release: false,
  },
  {
    name: "profile-load-balancer",
    alias: "profile-load-balancer",
    modules: ["proxy", "web", "cache", ...CODECS, "load-balancer", ...EDGE],
    use: "load balancer with web and cache",
    release: false,
  },
  {
    name: "observability",
    alias: "profile-observability",
    includes: ["core"],
    modules: OBSERVABILITY,
    use: "core with metrics and traces",
    release: false,
  },
  {
    name: "privacy",
    alias: "profile-privacy",
    modules: ["proxy", "web", "tls-rustls", "privacy-mode", "security"],
    use: "keeps nothing about a visitor and cannot write",
    release: true,
  },
  {
    name: "profile-full",
    alias: "profile-full",
    includes: ["profile-load-balancer"],
    modules: ["geoip", "stream-proxy", "traffic-mirror", "udp-proxy"],
    use: "every stable module, without PHP, metrics and ACME",
    release: false,
  },
  {
    name: "development",
    alias: "profile-development",
    includes: ["profile-full"],
    modules: ["php-fpm", "acme-client", ...OBSERVABILITY],
    use: "everything that works together; what a checkout runs",
    release: true,
  },
  {
    name: "web-server",
    alias: "profile-web-server",
    modules: ["proxy", "web", ...CODECS, ...EDGE],
    use: "static sites with compression",
    release: false,
  },
  {
    name: "cache-edge",
    alias: "profile-cache-edge",
    modules: ["proxy", "cache", ...CODECS, ...EDGE],
    use: "caching reverse proxy, no web",
    release: false,
  },
  {
    name: "proxy-edge",
    alias: "profile-proxy-edge",
    modules: ["proxy", ...CODECS, ...EDGE],
    use: "reverse proxy with compression",
    release: false,
  },
  {
    name: "load-balancer-edge",
    alias: "profile-load-balancer-edge",
    modules: ["proxy", "load-balancer", ...CODECS, ...EDGE],
    use: "load balancer, no cache and no web",
    release: false,
  },
  {
    name: "fips-openssl",
    alias: "profile-fips-openssl",
    modules: ["proxy", "security", "tls-openssl-fips"],
    use: "reverse proxy on an OpenSSL FIPS provider",
    release: true,
  },
  {
    name: "iso19790-openssl",
    alias: "profile-iso19790-openssl",
    includes: ["fips-openssl"],
    modules: ["tls-openssl-iso19790"],
    use: "the same under the ISO/IEC 19790 name",
    release: true,
  },
  {
    name: "fips-rustls",
    alias: "profile-fips-rustls",
    modules: ["proxy", "security", "tls-rustls-fips"],
    use: "reverse proxy on a FIPS build of rustls",
    release: true,
  },
  {
    name: "iso19790-rustls",
    alias: "profile-iso19790-rustls",
    includes: ["fips-rustls"],
    modules: ["tls-rustls-iso19790"],
    use: "the same under the ISO/IEC 19790 name",
    release: true,
  },
  {
    name: "full",
    includes: ["profile-full"],
    modules: ["acme-client", ...OBSERVABILITY],
    use: "release: every stable module",
    release: true,
  },
  {
    name: "cache",
    includes: ["cache-edge"],
    modules: ["acme-client"],
    use: "release: cache-edge with ACME",
    release: true,
  },
  {
    name: "proxy",
    includes: ["proxy-edge"],
    modules: ["acme-client"],
    use: "release: proxy-edge with ACME",
    release: true,
  },
  {
    name: "load-balancer",
    includes: ["load-balancer-edge"],
    modules: ["acme-client"],
    use: "release: load-balancer-edge with ACME",
    release: true,
  },
  {
    name: "php",
    includes: ["web-server"],
    modules: ["php-fpm", "acme-client"],
    use: "release: web-server with php-fpm and ACME",
    release: true,
  },
];

/** The profile that a checkout runs: it contains what is built, whatever is still missing. */
export const OPEN_PROFILE = "development";

/** Modules that cannot stand together because each fills the same place. */
export interface ExclusiveGroup {
  readonly what: string;
  readonly members: readonly string[];
}

/** Spec 01 section 5.3: at most one of each group. */
export const EXCLUSIVE: readonly ExclusiveGroup[] = [
  { what: "TLS backend", members: ["tls-rustls", "tls-rustls-fips", "tls-openssl"] },
  { what: "PHP runtime", members: ["php-fpm"] },
];

/** Spec 01 section 5.3: what would make a privacy build remember something about a visitor. */
export const NOT_WITH_PRIVACY: readonly string[] = [
  "cache",
  "metrics",
  "metrics-otlp",
  "otel-tracing",
  "otel-otlp",
  "compression",
  "compression-gzip",
  "compression-zstd",
  "compression-brotli",
  // Ours: it counts and logs the addresses of clients.
  "udp-proxy",
];

/** Names that 1.5 once had; refused with the reason instead of a guess. */
export const REMOVED: Readonly<Record<string, string>> = {
  "tls-boringssl": "the BoringSSL backend was removed before 1.5",
  "tls-s2n": "the s2n backend was removed before 1.5",
};
