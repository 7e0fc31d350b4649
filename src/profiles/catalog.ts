/**
 * Every module and profile Fluxheim 1.5 knows by name (spec 01 sections 5.1 and 5.2), and how far this
 * implementation has come with each. This file is data: what may be combined is in `feature_set.ts`.
 *
 * @module
 */

/** How far a module has come. */
export type ModuleState =
  /** Its code stands in these folders of `src/modules`, or, for none, in the gateway itself. */
  | { readonly kind: "built"; readonly folders: readonly Folder[] }
  /** Planned, and not there yet: a set that names it is refused. */
  | { readonly kind: "not-built" }
  /** Known by name so that configurations and tools parse, but this runtime can never prove it. */
  | { readonly kind: "no-provider"; readonly reason: string };

/** One module of spec 01 section 5.1. */
export interface CatalogModule {
  readonly name: string;
  /** Modules that come with it. */
  readonly needs: readonly string[];
  readonly provides: string;
  readonly state: ModuleState;
}

/** A named set of modules. */
export interface CatalogProfile {
  /** As `-P=`, `deno task profile` and the file in `src/profiles` spell it. */
  readonly name: string;
  /** The 1.5 alias of the same set, where there is one: `profile-core`. */
  readonly alias?: string;
  /** Other profiles it starts from, by name. */
  readonly includes?: readonly string[];
  readonly modules: readonly string[];
  readonly use: string;
  /** Published as a binary of its own (spec 01 section 5.2, release artifacts). */
  readonly release: boolean;
}

/**
 * Folders of `src/modules` that every profile contains: 1.5 has no names for them, they are part of the
 * HTTP runtime that each of its builds has.
 */
export const BASE_FOLDERS = [
  "headers",
  "access",
  "rate_limit",
  "concurrency",
  "control",
] as const;

/** Folders that a set contains when it has all of these modules: what joins them, and needs each. */
export const JOINT_FOLDERS: readonly {
  readonly folder: Folder;
  readonly modules: readonly string[];
}[] = [{ folder: "error_pages", modules: ["proxy", "web"] }];

/**
 * The order of modules in every profile. Within a phase the gateway asks modules in this order: content
 * is static before an upstream; response headers are settled before compression sees them.
 */
export const FOLDER_ORDER = [
  "geoip",
  "access",
  "rate_limit",
  "concurrency",
  "web",
  "traffic_mirror",
  "proxy",
  "error_pages",
  "headers",
  "compression",
  "compression_gzip",
  "compression_zstd",
  "compression_brotli",
  "tls",
  "control",
  "privacy",
] as const;

/** A folder of `src/modules` that is there. */
export type Folder = typeof FOLDER_ORDER[number];

const NO_FIPS =
  "this runtime has one TLS implementation and no way to load or prove a FIPS 140-3 or ISO/IEC 19790 " +
  "validated cryptographic module";
const NO_OPENSSL =
  "this runtime has one TLS implementation, which is not OpenSSL, and cannot load another";

const BUILT_IN: ModuleState = { kind: "built", folders: [] };
const NOT_BUILT: ModuleState = { kind: "not-built" };
const FIPS: ModuleState = { kind: "no-provider", reason: NO_FIPS };
const OPENSSL: ModuleState = { kind: "no-provider", reason: NO_OPENSSL };

function built(...folders: Folder[]): ModuleState {
  return { kind: "built", folders };
}

function entry(
  name: string,
  needs: readonly string[],
  provides: string,
  state: ModuleState,
): CatalogModule {
  return { name, needs, provides, state };
}

/** Every module, in the order of spec 01 section 5.1. */
export const MODULES: readonly CatalogModule[] = [
  entry("proxy", ["ingress"], "HTTP runtime and upstream forwarding", built("proxy")),
  entry("web", [], "static files", built("web")),
  entry("cache", [], "HTTP cache", NOT_BUILT),
  entry("security", [], "marker: the other modules enforce it", BUILT_IN),
  entry("ingress", [], "shared listener primitives", BUILT_IN),
  entry("tls", ["ingress"], "marker: TLS of whichever backend", BUILT_IN),
  entry("tls-rustls", ["tls"], "the TLS backend", built("tls")),
  entry("tls-rustls-fips", ["tls"], "FIPS-capable TLS backend", FIPS),
  entry("tls-rustls-iso19790", ["tls-rustls-fips"], "other name of the same", FIPS),
  entry("tls-openssl", ["tls"], "OpenSSL TLS backend", OPENSSL),
  entry("tls-openssl-fips", ["tls-openssl"], "OpenSSL FIPS-provider backend", FIPS),
  entry("tls-openssl-iso19790", ["tls-openssl-fips"], "other name of the same", FIPS),
  entry("load-balancer", ["proxy"], "pools, health, runtime pool policy", NOT_BUILT),
  entry("stream-proxy", ["proxy"], "raw TCP proxy", NOT_BUILT),
  entry("traffic-mirror", ["proxy"], "shadow requests", built("traffic_mirror")),
  entry("geoip", ["proxy"], "country and network lookup in local databases", built("geoip")),
  entry("compression", ["proxy"], "negotiation and eligibility of codecs", built("compression")),
  entry("compression-gzip", ["compression"], "gzip codec", built("compression_gzip")),
  entry("compression-zstd", ["compression"], "zstd codec", built("compression_zstd")),
  entry("compression-brotli", ["compression"], "brotli codec", built("compression_brotli")),
  entry("metrics", [], "Prometheus listener", NOT_BUILT),
  entry("metrics-otlp", ["metrics"], "OTLP metrics export", NOT_BUILT),
  entry("otel-tracing", ["proxy"], "trace context", NOT_BUILT),
  entry("otel-otlp", ["otel-tracing"], "OTLP trace export", NOT_BUILT),
  entry("acme", ["tls"], "ACME configuration, planning, challenge serving", NOT_BUILT),
  entry("acme-client", ["acme"], "issuance, renewal, certificate reload socket", NOT_BUILT),
  entry("php", ["proxy", "web"], "parent of php-fpm", NOT_BUILT),
  entry("php-fpm", ["php"], "FastCGI bridge and managed php-fpm", NOT_BUILT),
  entry("privacy-mode", ["proxy", "web"], "zero-retention rules", built("privacy")),
];

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
    modules: ["geoip", "stream-proxy", "traffic-mirror"],
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
];

/** Names that 1.5 once had; refused with the reason instead of a guess. */
export const REMOVED: Readonly<Record<string, string>> = {
  "tls-boringssl": "the BoringSSL backend was removed before 1.5",
  "tls-s2n": "the s2n backend was removed before 1.5",
};
