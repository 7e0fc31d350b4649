/** What access rules need of the rest of a configuration (spec 02 section 11.1). @module */
import type { Config, Problem } from "../../config/types.ts";
import { placesAreKnown } from "../../gateway/edge_policy.ts";
import { type AccessConfig, GEO_KEYS } from "./schema.ts";

/** Rules by place, where no module knows where clients are. @param key The table's. */
export function* checkPlaces(config: Config, rules: AccessConfig, key: string): Generator<Problem> {
  if (placesAreKnown(config)) return;
  for (const name of GEO_KEYS) {
    if (rules[name].length === 0) continue;
    yield {
      key: `${key}.${name}`,
      message: "must be empty unless geoip.enabled is true: without it no client has a place",
      about: ["geoip.enabled"],
    };
  }
}

/**
 * Rules by certificate, where no client is asked for one. What they then do is safe, and surprising: all
 * are refused, or a list of denied ones matches no client. @param key The table's.
 */
export function* checkCertificates(
  config: Config,
  rules: AccessConfig,
  key: string,
): Generator<Problem> {
  const reason = whyNoCertificates(config);
  if (reason === undefined) return;
  const warn = (name: string, effect: string): Problem => ({
    key: `${key}.${name}`,
    message: `${effect}: no client shows a certificate, because ${reason}`,
    about: ["tls.enabled", "tls.client_auth.mode", "server.tls_listen"],
    warning: true,
  });
  if (rules.require_client_cert) {
    yield warn("require_client_cert", "refuses every request with 403");
  } else if (rules.allow_client_cert_sha256.length > 0) {
    yield warn("allow_client_cert_sha256", "refuses every request with 403");
  }
  if (rules.deny_client_cert_sha256.length > 0) {
    yield warn("deny_client_cert_sha256", "denies no client");
  }
}

/** Read by shape, because a build with access rules need not have the TLS module. */
function whyNoCertificates(config: Config): string | undefined {
  const tls: unknown = Reflect.get(config, "tls");
  if (!isTable(tls) || Reflect.get(tls, "enabled") !== true) return "tls.enabled is not true";
  if (config.server.tls_listen.length === 0) return "server.tls_listen is empty";
  const clientAuth: unknown = Reflect.get(tls, "client_auth");
  const mode: unknown = isTable(clientAuth) ? Reflect.get(clientAuth, "mode") : undefined;
  return mode === "optional" || mode === "required" ? undefined : 'tls.client_auth.mode is "off"';
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
