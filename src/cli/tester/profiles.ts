/**
 * The kinds of build that `fluxheim-config-tester` tests for (spec 01 section 6.8), and what a
 * configuration has that one of them could not run.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { at } from "../../runtime/reload/compare.ts";

/** What a kind of build may have switched on. */
export interface Allowed {
  readonly proxy: boolean;
  readonly web: boolean;
  readonly cache: boolean;
  readonly php: boolean;
  /** A compliance mode must be required, on this backend. */
  readonly compliantOn?: "rustls" | "openssl";
}

const PROXY_ONLY = { proxy: true, web: false, cache: false, php: false } as const;

/** The table of spec 01 section 6.8. */
export const TESTED_PROFILES = {
  "full": { proxy: true, web: true, cache: true, php: false },
  "cache": { proxy: true, web: false, cache: true, php: false },
  "proxy": PROXY_ONLY,
  "load-balancer": PROXY_ONLY,
  "web-php": { proxy: false, web: true, cache: false, php: true },
  "development": { proxy: true, web: true, cache: true, php: true },
  "fips-openssl": { ...PROXY_ONLY, compliantOn: "openssl" },
  "iso19790-openssl": { ...PROXY_ONLY, compliantOn: "openssl" },
  "fips-rustls": { ...PROXY_ONLY, compliantOn: "rustls" },
  "iso19790-rustls": { ...PROXY_ONLY, compliantOn: "rustls" },
} as const satisfies Readonly<Record<string, Allowed>>;

/** Name of a kind of build. */
export type TestedProfile = keyof typeof TESTED_PROFILES;

/** A vhost or a route, and how a message names it. */
interface Scope {
  readonly name: string;
  readonly tables: unknown;
}

/** What is switched on in a scope, by the key of {@linkcode Allowed}. */
const ENABLED = {
  proxy: (tables: unknown) =>
    ["upstream", "upstreams_file", "upstreams_http_url"].some((key) =>
      at(tables, ["proxy", key]) !== undefined
    ) || isFilled(at(tables, ["proxy", "upstreams"])),
  web: (tables: unknown) => at(tables, ["web", "root"]) !== undefined,
  cache: (tables: unknown) =>
    [[], ["local_static"], ["memory"], ["disk"], ["peer_fill"]].some((path) =>
      at(tables, ["cache", ...path, "enabled"]) === true
    ),
  php: (tables: unknown) => at(tables, ["php", "enabled"]) === true,
} as const;

const TITLES = { proxy: "reverse proxy", web: "web", cache: "cache", php: "PHP" } as const;

/** What speaks against running `config` in a build of this kind; empty when nothing does. */
export function misfits(config: Config, kind: TestedProfile): string[] {
  const allowed: Allowed = TESTED_PROFILES[kind];
  const found: string[] = [];
  for (const { name, tables } of scopesOf(config)) {
    for (const what of ["proxy", "web", "cache", "php"] as const) {
      if (allowed[what] || !ENABLED[what](tables)) continue;
      found.push(`${TITLES[what]} is enabled in ${name}`);
    }
  }
  if (allowed.compliantOn !== undefined) {
    found.push(...complianceMisfits(config, allowed.compliantOn));
  }
  return found;
}

function scopesOf(config: Config): Scope[] {
  return config.vhosts.flatMap((vhost): Scope[] => [
    { name: `vhost "${vhost.name}"`, tables: vhost },
    ...vhost.routes.map((route) => ({
      name: `vhost "${vhost.name}", route "${route.name}"`,
      tables: route,
    })),
  ]);
}

/** Either mode being required satisfies both kinds: they enforce the same (spec 05 section 5). */
function complianceMisfits(config: Config, backend: string): string[] {
  const found: string[] = [];
  const chosen = at(config, ["tls", "backend"]) ?? "rustls";
  if (chosen !== backend) found.push(`tls.backend must be "${backend}", it is "${chosen}"`);
  const required = ["fips", "iso19790"].some((mode) =>
    at(config, ["tls", mode, "required"]) === true
  );
  if (!required) found.push("tls.fips.required or tls.iso19790.required must be true");
  return found;
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
