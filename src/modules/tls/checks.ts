/** Rules of `[tls]` and `[vhosts.tls]` that span keys (spec 05 sections 1.3 to 1.5, 2, 5.1). @module */
import type { Config, Problem, VhostConfig } from "../../config/types.ts";
import { lowestVersion } from "./policy.ts";
import type { TlsConfig } from "./schema.ts";
import { enabledTls, fallbackOf } from "./sources.ts";
import { managedSource } from "./table.ts";

/** All problems; pure. */
export function checkTls(config: Config): Problem[] {
  const tls = config.tls;
  return [
    ...(tls === undefined ? [] : [...policyProblems(tls), ...complianceProblems(tls)]),
    ...listenerProblems(config),
    ...vhostProblems(config),
  ];
}

function* policyProblems(tls: TlsConfig): Generator<Problem> {
  if (tls.backend === "openssl") {
    yield {
      key: "tls.backend",
      message: "needs the tls-openssl module, which no build for this runtime has",
      hint: 'use "rustls"',
    };
  }
  if (tls.profile === "modern" && tls.min_protocol === "tls1.2") {
    yield {
      key: "tls.min_protocol",
      message: 'must not be "tls1.2" with tls.profile = "modern", which is TLS 1.3 only',
      about: ["tls.profile"],
    };
  }
  if (tls.curve_preferences.length > 0) {
    yield {
      key: "tls.curve_preferences",
      message: "must be empty: this runtime cannot choose or order key exchange groups and would " +
        "ignore the list; it offers X25519MLKEM768, X25519, P-256 and P-384",
    };
  }
  if (tls.cipher_suites.length > 0) {
    yield {
      key: "tls.cipher_suites",
      message:
        "must be empty: this runtime cannot choose or order cipher suites and would ignore " +
        "the list; it offers the defaults of the profile",
    };
    const old = tls.cipher_suites.findIndex((name) => name.startsWith("TLS_ECDHE_"));
    if (old >= 0 && lowestVersion(tls) === "TLSv1.3") {
      yield {
        key: `tls.cipher_suites[${old}]`,
        message: "is a suite of TLS 1.2, but the lowest version is TLS 1.3",
        about: ["tls.profile", "tls.min_protocol"],
      };
    }
  }
  if (tls.enabled && tls.client_auth.mode === "off" && tls.client_auth.ca_path !== undefined) {
    yield {
      key: "tls.client_auth.ca_path",
      message:
        'has no effect while tls.client_auth.mode is "off": no client is asked for a certificate',
      about: ["tls.client_auth.mode"],
      hint: 'write mode = "required" or "optional", or take the table out',
      warning: true,
      security: true,
    };
  }
  if (tls.client_auth.mode !== "off" && tls.client_auth.ca_path === undefined) {
    yield {
      key: "tls.client_auth.ca_path",
      message: `is required with tls.client_auth.mode = "${tls.client_auth.mode}"`,
      about: ["tls.client_auth.mode"],
    };
  }
}

/** No provider of this runtime can be proven, so a mode that needs one fails closed (section 5.3). */
function* complianceProblems(tls: TlsConfig): Generator<Problem> {
  for (const table of ["fips", "iso19790"] as const) {
    if (!tls[table].required) continue;
    yield {
      key: `tls.${table}.required`,
      message:
        "cannot be satisfied: this runtime has no validated cryptographic module that could " +
        "be proven; the build needs a FIPS-capable TLS module",
    };
  }
}

/** A listener needs something to show to clients that ask for an unknown name, or for none. */
function listenerProblems(config: Config): Problem[] {
  const needless = config.server.tls_listen.length === 0 || enabledTls(config) === undefined;
  if (needless || fallbackOf(config) !== undefined) return [];
  const named = config.vhosts.find(({ name }) => name === config.server.default_vhost);
  if (named !== undefined && managedSource(config, named) !== undefined) return [];
  return [{
    key: "server.tls_listen",
    message: "needs a certificate for clients that ask for no known name: one in " +
      "[[tls.certificates]], or that of a vhost named by server.default_vhost with tls.enabled",
    about: [
      "tls.enabled",
      "tls.certificates",
      "server.default_vhost",
      "vhosts.tls.enabled",
      "vhosts.tls.certificate",
      "vhosts.tls.acme",
    ],
  }];
}

function* vhostProblems(config: Config): Generator<Problem> {
  for (const [index, vhost] of config.vhosts.entries()) {
    const { tls } = vhost;
    if (tls?.enabled !== true) continue;
    const key = `vhosts[${index}].tls`;
    if (tls.certificate === undefined && isUnmanaged(config, vhost)) {
      yield {
        key: `${key}.certificate`,
        message: "is required when tls.enabled is true for this vhost",
        about: [`${key}.enabled`, `${key}.acme`],
        hint: "[vhosts.tls.certificate] with cert_path and key_path",
      };
    }
    if (enabledTls(config) === undefined) {
      yield {
        key: `${key}.enabled`,
        message: "has no effect while tls.enabled is false",
        about: ["tls.enabled"],
        warning: true,
      };
    }
  }
}

/** Without TLS nothing is managed; what is missing then is said of TLS. */
function isUnmanaged(config: Config, vhost: VhostConfig): boolean {
  if (enabledTls(config) === undefined && vhost.tls?.acme?.enabled === true) return false;
  return managedSource(config, vhost) === undefined;
}
