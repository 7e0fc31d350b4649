/** Rules of `[tls.acme]` that span keys (spec 05 sections 6.1 to 6.4). @module */
import type { Config, Problem } from "../../config/types.ts";
import { acmeOf, issuersOf } from "./table.ts";
import { managedDomains } from "../tls/table.ts";

/** All problems; pure. */
export function checkAcme(config: Config): Problem[] {
  return [
    ...tableProblems(config),
    ...socketProblems(config),
    ...config.vhosts.flatMap((_, i) => [...vhostProblems(config, i)]),
  ];
}

function* tableProblems(config: Config): Generator<Problem> {
  const { tls } = config;
  const acme = tls?.acme;
  if (acme === undefined) return;
  const issuers = issuersOf(acme);
  if (!issuers.some(({ name }) => name === acme.default_issuer)) {
    yield {
      key: "tls.acme.default_issuer",
      message: `must name an issuer that there is: ${issuers.map(({ name }) => name).join(", ")}`,
      about: ["tls.acme.issuers"],
      ...(acme.issuers.length > 0
        ? { hint: "any [[tls.acme.issuers]] replaces the built-in list" }
        : {}),
    };
  }
  for (const [at, issuer] of acme.issuers.entries()) {
    const isMoot = issuer.allow_unadvertised_terms_of_service &&
      issuer.terms_of_service_url === undefined;
    if (!isMoot) continue;
    yield {
      key: `tls.acme.issuers[${at}].allow_unadvertised_terms_of_service`,
      message: "has no effect without terms_of_service_url",
      about: [`tls.acme.issuers[${at}].terms_of_service_url`],
      warning: true,
    };
  }
  if (!acme.enabled) return;
  if (tls?.enabled !== true) {
    yield {
      key: "tls.acme.enabled",
      message: "has no effect while tls.enabled is false",
      about: ["tls.enabled"],
      warning: true,
    };
    return;
  }
  for (const mode of ["fips", "iso19790"] as const) {
    if (!tls[mode].required) continue;
    yield {
      key: "tls.acme.enabled",
      message:
        `must be false with tls.${mode}.required: accounts and challenges use cryptography ` +
        "that no validated module provides",
      about: [`tls.${mode}.required`],
    };
  }
  yield* challengeProblems(config, "tls.acme.challenge", acme.challenge);
  if (acme.renewal.enabled && !acme.renewal.zero_downtime_reload) {
    yield {
      key: "tls.acme.renewal.zero_downtime_reload",
      message: "must be true: this gateway takes up certificates in place and in no other way",
      hint: "set reload_after_renewal = false to leave that to a reload by hand",
    };
  }
}

/** The default of the schema, which is not mentioned where it changes nothing. */
const DEFAULT_SOCKET = "/run/fluxheim/fluxheim-cert-reload.sock";

function* socketProblems(config: Config): Generator<Problem> {
  const { certificate_reload_sock: path } = config.server.process;
  const acme = acmeOf(config);
  if (path === DEFAULT_SOCKET || acme?.renewal.reload_after_renewal === true) return;
  yield {
    key: "server.process.certificate_reload_sock",
    message:
      "has no effect: it is there only with tls.acme.enabled and renewal.reload_after_renewal",
    about: ["tls.acme.enabled", "tls.acme.renewal.reload_after_renewal"],
    hint: "leave it out: SIGHUP, or the command reload, takes new certificates up",
    warning: true,
  };
}

/** What a way to prove names asks for. */
function* challengeProblems(config: Config, key: string, challenge: string): Generator<Problem> {
  const dns = config.tls?.acme?.dns;
  if (challenge === "tls-alpn-01") {
    yield {
      key,
      message: 'must be "http-01" or "dns-01": the certificate of a tls-alpn-01 challenge has a ' +
        "critical extension that the TLS library of this runtime refuses to serve",
    };
  } else if (challenge === "dns-01" && dns?.hook === undefined && dns?.update === undefined) {
    yield {
      key,
      message: "dns-01 needs tls.acme.dns.hook or tls.acme.dns.update, which change the zone",
      about: ["tls.acme.dns"],
    };
  } else if (challenge === "http-01" && config.server.listen.length === 0) {
    yield {
      key,
      message:
        "needs a cleartext listener that the issuer reaches on port 80, and server.listen has none",
      about: ["server.listen"],
      warning: true,
    };
  }
}

function* vhostProblems(config: Config, index: number): Generator<Problem> {
  const vhost = config.vhosts[index];
  const own = vhost.tls?.acme;
  if (own?.enabled !== true) return;
  const key = `vhosts[${index}].tls.acme`;
  const acme = config.tls?.acme;
  if (acme?.enabled !== true) {
    yield {
      key: `${key}.enabled`,
      message: "needs tls.acme.enabled",
      about: ["tls.acme.enabled"],
    };
    return;
  }
  if (vhost.tls?.enabled !== true) {
    yield {
      key: `${key}.enabled`,
      message: "has no effect while tls.enabled is false for this vhost",
      about: [`vhosts[${index}].tls.enabled`],
      warning: true,
    };
  } else if (vhost.tls.certificate !== undefined) {
    yield {
      key: `${key}.enabled`,
      message: "has no effect: the vhost has a certificate of its own, which is shown",
      about: [`vhosts[${index}].tls.certificate`],
      warning: true,
    };
  }
  const issuers = issuersOf(acme);
  if (own.issuer !== undefined && !issuers.some(({ name }) => name === own.issuer)) {
    yield {
      key: `${key}.issuer`,
      message: `must name an issuer that there is: ${issuers.map(({ name }) => name).join(", ")}`,
      about: ["tls.acme.issuers"],
    };
  }
  const challenge = own.challenge ?? acme.challenge;
  if (own.challenge !== undefined) {
    yield* challengeProblems(config, `${key}.challenge`, own.challenge);
  }
  for (const [at, domain] of own.domains.entries()) {
    if (!domain.startsWith("*.") || challenge === "dns-01") continue;
    yield {
      key: `${key}.domains[${at}]`,
      message:
        `must not be a wildcard: ${challenge} proves single names, and wildcards are proven by ` +
        "dns-01 alone",
      about: [`${key}.challenge`, "tls.acme.challenge"],
      hint: 'name each host, or set challenge = "dns-01"',
    };
  }
  if (managedDomains(vhost).length === 0) {
    yield {
      key: `${key}.domains`,
      message: "must name a host: the vhost's hosts are all wildcards or addresses, which " +
        "are not taken by themselves",
      about: [`vhosts[${index}].hosts`],
      hint: 'with challenge = "dns-01" a wildcard may be in domains',
    };
  }
}
