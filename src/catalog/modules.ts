/**
 * Every module by name (spec 01 section 5.1 and those beyond it): how far it has come, which tables and
 * commands it brings, and the order in which the gateway asks modules. Adding a module means an entry here
 * and its folder in `src/modules`. This file is data: what may be combined is in `feature_set.ts`.
 *
 * A module that is built declares its tables and commands once more, beside their schemas; the entry here
 * is for builds that lack it, which refuse them by the module's name. A test holds both together.
 *
 * @module
 */
import type {
  CatalogCommand,
  CatalogModule,
  CatalogTable,
  ModuleState,
  TableScope,
} from "./types.ts";

/** Folders that a set contains when it has all of these modules: what joins them, and needs each. */
export const JOINT_FOLDERS: readonly {
  readonly folder: string;
  readonly modules: readonly string[];
}[] = [{ folder: "error_pages", modules: ["proxy", "web"] }];

/**
 * The order of modules in every profile. Within a phase the gateway asks modules in this order: content
 * is static before an upstream; response headers are settled before compression sees them. Folders that
 * are not in this list come before it, in the order of the catalog.
 */
const PLACED_FOLDERS = [
  "geoip",
  "access",
  "maintenance",
  "rate_limit",
  "concurrency",
  "auth_basic",
  "auth_jwt",
  "secure_link",
  "respond",
  "php",
  "web",
  "traffic_mirror",
  "cache",
  "proxy",
  "error_pages",
  "default_pages",
  "headers",
  // Its cookies are added after the header policy, which must not strip them.
  "load_balancer",
  "compression",
  "compression_gzip",
  "compression_zstd",
  "compression_brotli",
  "tls",
  "control",
  "admin",
  "privacy",
];

const NO_FIPS =
  "this runtime has one TLS implementation and no way to load or prove a FIPS 140-3 or ISO/IEC 19790 " +
  "validated cryptographic module";
const NO_OPENSSL =
  "this runtime has one TLS implementation, which is not OpenSSL, and cannot load another";

const BUILT_IN: ModuleState = { kind: "built", folders: [] };
const FIPS: ModuleState = { kind: "no-provider", reason: NO_FIPS };
const OPENSSL: ModuleState = { kind: "no-provider", reason: NO_OPENSSL };

const ROOT = ["root"] as const;
const EVERYWHERE = ["root", "vhost", "route"] as const;
const POLICY = ["vhost", "route"] as const;

/** Tables that are off unless they say `enabled = true`. */
const OFF = { offByDefault: true } as const;

/** Every module of spec 01 section 5.1 in its order, then those of this project. */
export const MODULES: readonly CatalogModule[] = [
  entry("proxy", ["ingress"], "HTTP runtime and upstream forwarding", built("proxy"), {
    tables: [
      table("proxy", EVERYWHERE, {
        merge: {
          rule: "fields",
          oneOf: ["upstream", "upstreams", "upstreams_file", "upstreams_http_url"],
          because: "upstreams are named in one way only",
        },
        action: {
          needs: ["upstream", "upstreams", "upstreams_file", "upstreams_http_url"],
          otherwise: "must have an upstream: a route's proxy inherits none",
        },
      }),
      table("acme_challenge", ["vhost"], OFF),
      table("auth_request", POLICY, OFF),
      table("grpc", ["route"], OFF),
    ],
  }),
  entry("web", [], "static files", built("web"), {
    tables: [
      table("web", EVERYWHERE, {
        action: {
          needs: ["root"],
          otherwise: "must have a root: a route's web table inherits none",
        },
      }),
      table("web_memory", ROOT),
      table("error_pages", POLICY),
      // The pages are files below a web root; their folder joins the two modules.
      table("proxy.error_pages", EVERYWHERE),
    ],
  }),
  entry("cache", [], "HTTP cache", built("cache"), {
    tables: [
      table("cache", EVERYWHERE, OFF),
      table("cache_purger", ROOT, OFF),
    ],
    commands: [
      { name: "cache", needs: "the module cache" },
      { name: "cache-warm", needs: "the module cache" },
      { name: "cache-key", needs: "the modules proxy and cache" },
      { name: "cache-lookup", needs: "the modules proxy and cache" },
    ],
  }),
  entry("security", [], "marker: the other modules enforce it", BUILT_IN),
  entry("ingress", [], "shared listener primitives", BUILT_IN),
  entry("tls", ["ingress"], "marker: TLS of whichever backend", BUILT_IN, {
    tables: [table("tls", ["root", "vhost"], OFF)],
  }),
  entry("tls-rustls", ["tls"], "the TLS backend", built("tls")),
  entry("tls-rustls-fips", ["tls"], "FIPS-capable TLS backend", FIPS),
  entry("tls-rustls-iso19790", ["tls-rustls-fips"], "other name of the same", FIPS),
  entry("tls-openssl", ["tls"], "OpenSSL TLS backend", OPENSSL),
  entry("tls-openssl-fips", ["tls-openssl"], "OpenSSL FIPS-provider backend", FIPS),
  entry("tls-openssl-iso19790", ["tls-openssl-fips"], "other name of the same", FIPS),
  entry("load-balancer", ["proxy"], "pools, health, runtime pool policy", built("load_balancer"), {
    tables: [
      table("proxy.load_balance", EVERYWHERE),
      table("stream.routes.load_balance", ROOT),
      ...[
        "proxy.upstreams_file",
        "proxy.upstreams_file_refresh_secs",
        "proxy.upstreams_http_url",
        "proxy.upstreams_http_refresh_secs",
        "proxy.upstreams_http_bearer_token_file",
        "proxy.upstream_dns_refresh_secs",
      ].map((key) => table(key, EVERYWHERE)),
      ...[
        "proxy.upstream_dns_servers",
        "proxy.upstreams_http_allow_private_backends",
        "proxy.upstream_dns_allow_private_backends",
        "proxy.upstream_weights",
        "proxy.upstream_priority_groups",
        "proxy.upstream_priority_group_min_active",
        "proxy.upstream_localities",
        "proxy.preferred_upstream_localities",
        "proxy.upstream_max_in_flight",
        "proxy.upstream_aliases",
        "proxy.upstream_tags",
        "proxy.backup_upstreams",
        "proxy.drain_upstreams",
        "proxy.disabled_upstreams",
      ].map((key) => table(key, EVERYWHERE)),
    ],
    commands: [{ name: "members", needs: "the module load-balancer" }],
  }),
  entry("stream-proxy", ["proxy"], "raw TCP proxy", built("stream"), {
    tables: [table("stream", ROOT, OFF)],
  }),
  entry("traffic-mirror", ["proxy"], "shadow requests", built("traffic_mirror"), {
    tables: [table("proxy.mirror", EVERYWHERE, OFF)],
  }),
  entry("geoip", ["proxy"], "country and network lookup in local databases", built("geoip"), {
    tables: [table("geoip", ROOT, { ...OFF, merge: "whole" })],
  }),
  entry("compression", ["proxy"], "negotiation and eligibility of codecs", built("compression"), {
    tables: [table("compression", EVERYWHERE, OFF)],
  }),
  entry("compression-gzip", ["compression"], "gzip codec", built("compression_gzip")),
  entry("compression-zstd", ["compression"], "zstd codec", built("compression_zstd")),
  entry("compression-brotli", ["compression"], "brotli codec", built("compression_brotli")),
  entry("metrics", [], "Prometheus listener", built("metrics"), {
    tables: [table("metrics", ROOT, { ...OFF, merge: "whole" })],
  }),
  entry("metrics-otlp", ["metrics"], "OTLP metrics export", built("metrics_otlp"), {
    tables: [table("metrics.otlp", ROOT, OFF)],
  }),
  entry("otel-tracing", ["proxy"], "trace context", built("otel_tracing"), {
    tables: [table("tracing", ROOT, { ...OFF, merge: "whole" })],
  }),
  entry("otel-otlp", ["otel-tracing"], "OTLP trace export", built("otel_otlp"), {
    tables: [table("tracing.otlp", ROOT, OFF)],
  }),
  entry("acme", ["tls"], "marker: managed certificates of whichever client", BUILT_IN, {
    tables: [table("tls.acme", ["root", "vhost"], OFF)],
  }),
  entry(
    "acme-client",
    ["acme"],
    "issuance, renewal, challenge serving, reload socket",
    built("acme"),
    {
      commands: [
        { name: "acme-renew", needs: "the module acme-client" },
        { name: "certs", needs: "the module acme-client" },
        { name: "acme-init", needs: "the module acme-client" },
      ],
    },
  ),
  entry("php", ["proxy", "web"], "parent of php-fpm", BUILT_IN),
  entry("php-fpm", ["php"], "FastCGI bridge and managed php-fpm", built("php"), {
    tables: [
      table("php", POLICY, {
        ...OFF,
        action: { needs: ["enabled"], otherwise: "must be enabled to be a route's action" },
      }),
    ],
  }),
  entry("privacy-mode", ["proxy", "web"], "zero-retention rules", built("privacy")),
  entry("udp-proxy", [], "UDP proxy", built("udp"), {
    tables: [table("udp", ROOT, { ...OFF, merge: "whole" })],
  }),
];

/**
 * Modules that no set names. Those that are built are in every profile: 1.5 has no names for them, they are
 * part of the HTTP runtime that each of its builds has.
 */
export const UNNAMED: readonly CatalogModule[] = [
  entry("headers", [], "header policy", built("headers"), {
    tables: [table("headers", EVERYWHERE, { merge: "whole" })],
  }),
  entry("access", [], "access rules", built("access"), { tables: [table("access", POLICY)] }),
  entry("auth-basic", [], "names and passwords", built("auth_basic"), {
    tables: [table("auth_basic", POLICY)],
  }),
  entry("auth-jwt", [], "signed tokens", built("auth_jwt"), {
    tables: [table("auth_jwt", POLICY)],
  }),
  entry("secure-link", [], "signed links", built("secure_link"), {
    tables: [table("secure_link", POLICY)],
  }),
  entry("maintenance", [], "maintenance mode", built("maintenance"), {
    tables: [table("maintenance", POLICY, OFF)],
  }),
  entry("respond", [], "fixed answers", built("respond"), {
    tables: [
      table("respond", ["route"], {
        action: { needs: ["status"], otherwise: "must have a status" },
      }),
    ],
  }),
  entry("default-pages", [], "HTML pages for refusals", built("default_pages"), {
    tables: [table("server.default_pages", ROOT)],
  }),
  entry("rate-limit", [], "rate limits", built("rate_limit"), {
    tables: [table("rate_limit", POLICY, OFF)],
  }),
  entry("concurrency", [], "concurrency limits", built("concurrency"), {
    tables: [table("concurrency", POLICY, OFF)],
  }),
  entry("control", [], "liveness and readiness", built("control"), {
    tables: [table("server.health", ROOT), table("server.control_hosts", ROOT)],
  }),
  entry("admin", [], "admin API, snapshots", built("admin"), {
    tables: [table("admin", ROOT, OFF)],
    commands: ["snapshot", "snapshots", "rollback", "status", "top"]
      .map((name) => ({ name, needs: "the module admin" })),
  }),
];

/** Folders with a part in the control service (`control.ts`). */
export const CONTROL_FOLDERS: readonly string[] = [
  "control",
  "admin",
  "metrics",
  "php",
  "cache",
  "load_balancer",
  "udp",
];

/** Those of them whose part adds to the admin API, and is nothing without it. */
export const ADMIN_FOLDERS: readonly string[] = ["php", "cache", "load_balancer", "udp"];

/** Folders with a part in the telemetry service (`telemetry.ts`). */
export const TELEMETRY_FOLDERS: readonly string[] = ["metrics_otlp", "otel_otlp"];

/** Folders of `src/modules` that every profile contains. */
export const BASE_FOLDERS: readonly string[] = UNNAMED.flatMap(foldersIn);

/** Those of them that a set with `privacy-mode` does not have: they write files. */
export const FOLDERS_NOT_WITH_PRIVACY: readonly string[] = ["admin"];

/** Every folder of `src/modules`, in the order of a profile. */
export const FOLDER_ORDER: readonly string[] = [
  ...MODULES.flatMap(foldersIn).filter((folder) => !PLACED_FOLDERS.includes(folder)),
  ...PLACED_FOLDERS,
];

function foldersIn({ state }: CatalogModule): readonly string[] {
  return state.kind === "built" ? state.folders : [];
}

function built(...folders: string[]): ModuleState {
  return { kind: "built", folders };
}

function entry(
  name: string,
  needs: readonly string[],
  provides: string,
  state: ModuleState,
  brings: {
    readonly tables?: readonly CatalogTable[];
    readonly commands?: readonly CatalogCommand[];
    readonly profiles?: readonly string[];
  } = {},
): CatalogModule {
  return { name, needs, provides, state, tables: [], commands: [], profiles: [], ...brings };
}

function table(
  name: string,
  scopes: readonly TableScope[],
  more: Omit<CatalogTable, "table" | "scopes"> = {},
): CatalogTable {
  return { table: name, scopes, ...more };
}
