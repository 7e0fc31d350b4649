/** `[tls.acme]` and `[vhosts.tls.acme]` (spec 05 sections 6.1 to 6.4). @module */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import {
  count,
  enumWord,
  filePath,
  hostName,
  hostPattern,
  label,
  list,
} from "../../config/schema/values.ts";
import { valueKinds } from "../../config/schema/values.ts";
import { splitAuthority } from "../../http/authority.ts";
import { ipFamily } from "../../net/ip.ts";
import type { Frozen } from "../../config/frozen.ts";
import { BUILT_IN_ISSUERS } from "./issuers.ts";
import { isTermsUrl, TERMS_URL_RULE } from "./terms.ts";

const MAX_ISSUERS = 128;
const MAX_DOMAINS = 64;
const MAX_SERVERS = 16;
/** Ways to prove a name. */
const CHALLENGES = ["http-01", "tls-alpn-01", "dns-01"] as const;
/** A hundred years: what is later overflows nothing and helps no one. */
const MAX_SECS = 3_155_760_000;

const seconds = () =>
  count({ min: 1, max: MAX_SECS }).register(valueKinds, { type: "seconds", allowed: "1 or more" });

const variable = () =>
  z.string().refine((name) => name === "" || /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name), {
    error: "must be the name of an environment variable",
  }).register(valueKinds, { type: "environment variable" });

const credential = () =>
  z.string().refine((name) => name === "" || /^[A-Za-z0-9_-]{1,128}$/.test(name), {
    error: "must be the name of a credential: 1 to 128 letters, digits, hyphens or underscores",
  }).register(valueKinds, { type: "credential" });

const secretFile = () => filePath({ trustedParent: true });

const SOURCES = ["env", "file", "credential"] as const;

const eab = z.strictObject({
  key_id_env: variable().optional().describe("Environment variable with the key identifier."),
  key_id_file: secretFile().optional().describe("File with the key identifier."),
  key_id_credential: credential().optional()
    .describe("Credential of the service manager with the key identifier."),
  hmac_key_env: variable().optional().describe("Environment variable with the HMAC key."),
  hmac_key_file: secretFile().optional().describe("File with the HMAC key."),
  hmac_key_credential: credential().optional()
    .describe("Credential of the service manager with the HMAC key."),
}).superRefine((table, context) => {
  for (const secret of ["key_id", "hmac_key"] as const) {
    const named = SOURCES.map((source) => `${secret}_${source}` as const)
      .filter((key) => (table[key] ?? "") !== "");
    const all = SOURCES.map((source) => `${secret}_${source}`);
    if (named.length === 0) {
      refuseKey(context, { key: all[0], message: `needs one of ${all.join(", ")}`, about: all });
    } else if (named.length > 1) {
      const message = `must not be set together with ${named[0]}`;
      refuseKey(context, { key: named[1], message, about: named });
    }
  }
});

const termsUrl = () =>
  z.string().refine(isTermsUrl, { error: TERMS_URL_RULE }).register(valueKinds, { type: "URL" });

const issuer = z.strictObject({
  name: label().describe("How vhosts and `default_issuer` name it."),
  directory_url: z.string().refine(
    (url) =>
      url.length <= 2048 && /^https:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url) && URL.canParse(url),
    { error: "must be an https:// URL without white space, user, query or fragment" },
  ).register(valueKinds, { type: "URL" }).describe("Its ACME directory."),
  ca_bundle_file: filePath({ trustedParent: true, links: true }).optional().describe(
    "Authorities to verify it by in place of the system's, PEM; for an issuer of one's own.",
  ),
  eab: eab.optional().describe("External account binding, where the issuer asks for one."),
  terms_of_service_agreed: z.boolean().default(true).describe(
    "Agree to its terms of service when an account is made; without that no account is made where " +
      "it has any.",
  ),
  terms_of_service_url: termsUrl().optional().describe(
    "Agree to these terms alone: an account is made if its directory advertises exactly this URL.",
  ),
  allow_unadvertised_terms_of_service: z.boolean().default(false).describe(
    "Make an account although its directory advertises no terms and `terms_of_service_url` is set.",
  ),
}).superRefine((table, context) => {
  if (table.terms_of_service_agreed || table.terms_of_service_url === undefined) return;
  refuseKey(context, {
    key: "terms_of_service_url",
    message: "must not be set where terms_of_service_agreed is false",
    about: ["terms_of_service_agreed"],
  });
});

const renewal = z.strictObject({
  enabled: z.boolean().default(true).describe("Order and renew certificates at all."),
  renew_before_secs: seconds().default(2_592_000).describe(
    "Time before the end of a certificate at which it is renewed; at most a third of its life, half " +
      "where that is under ten days.",
  ),
  renew_after: z.date().optional().describe(
    "No certificate is ordered before this time: a date and time with an offset.",
  ),
  check_interval_secs: seconds().default(3600)
    .describe("Longest time between two looks at what is due."),
  retry_initial_secs: seconds().default(300).describe("First pause after a failure, then doubled."),
  retry_max_secs: seconds().default(86_400).describe("Longest pause after failures."),
  reload_after_renewal: z.boolean().default(true)
    .describe("Show a renewed certificate as soon as it is installed."),
  zero_downtime_reload: z.boolean().default(true)
    .describe("Take it up without a restart. This gateway knows no other way; `false` is refused."),
}).superRefine((table, context) => {
  if (!table.enabled) return;
  if (table.retry_initial_secs > table.retry_max_secs) {
    refuseKey(context, {
      key: "retry_initial_secs",
      message: "must not be more than retry_max_secs",
      about: ["retry_max_secs"],
    });
  }
});

const update = z.strictObject({
  server: z.string().refine(isSocketAddress, {
    error: 'must be an IP address and port such as "192.0.2.53:53"',
  }).register(valueKinds, { type: "address" }).describe("The primary server of the zone."),
  zone: hostName().describe("Zone that is changed: its records have names in it."),
  key_name: hostName().describe("Name of the TSIG key."),
  key_algorithm: enumWord(["hmac-sha256", "hmac-sha384", "hmac-sha512"]).default("hmac-sha256")
    .describe("Algorithm of the TSIG key."),
  key_file: secretFile().describe("File with the TSIG key, base64."),
});

const dns = z.strictObject({
  hook: filePath({ trustedParent: true }).optional().describe(
    "Program that adds and removes a TXT record: `<program> present|cleanup <name.> <value>`, with no " +
      "environment and at most 60 seconds. It must leave other values of the name alone.",
  ),
  update: update.optional().describe("The same by dynamic update (RFC 2136) with a TSIG key."),
  propagation_secs: seconds().default(60).describe(
    "Time for the records to get to all servers of the zone; with `check_servers`, the longest.",
  ),
  check_servers: list(
    z.string().refine(isSocketAddress, {
      error: 'must be an IP address and port such as "192.0.2.53:53"',
    }).register(valueKinds, { type: "address" }),
    { max: MAX_SERVERS, unique: "exact" },
  ).default([]).describe("Servers of the zone that are asked until each has the record."),
}).superRefine((table, context) => {
  if (table.hook === undefined || table.update === undefined) return;
  refuseKey(context, {
    key: "update",
    message: "must not be set together with hook",
    about: ["hook"],
  });
});

function isSocketAddress(text: string): boolean {
  const address = splitAuthority(text);
  return address !== undefined && ipFamily(address.host) !== 0 && (address.port ?? 0) > 0;
}

/** `[tls.acme]`. */
export const acmeSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Order and renew certificates from an issuer."),
  storage: filePath({ trustedParent: true }).optional()
    .describe("Directory of accounts, certificates and challenges; required when enabled."),
  contact_email: z.string().trim().refine(
    (text) => text.length <= 254 && /^[^\s@]([^\s]*)@[^\s]*[^\s@]$/.test(text),
    { error: "must be an email address without white space" },
  ).optional().register(valueKinds, { type: "email" })
    .describe(
      "Contact of the account; required when enabled. Issuers ask for agreement to their terms " +
        "of service, which enabling this gives unless `terms_of_service_agreed` of the issuer is false.",
    ),
  default_issuer: label().default("letsencrypt").describe("Issuer of vhosts that name none."),
  challenge: enumWord(CHALLENGES).default("http-01").describe(
    "How names are proven; wildcards by `dns-01` alone. This runtime cannot show the certificates of " +
      "`tls-alpn-01`, which is refused.",
  ),
  key_type: enumWord(["p256", "p384", "rsa2048", "rsa3072", "rsa4096"]).default("p256")
    .describe("Key of new certificates."),
  automation: enumWord(["background", "external"]).default("background").describe(
    "Who renews: this process, or `fluxheim acme-renew` from a timer.",
  ),
  issuers: list(issuer, { max: MAX_ISSUERS }).default([]).describe(
    `Issuers; any entry replaces the built-in ones: ${
      BUILT_IN_ISSUERS.map(({ name }) => `\`${name}\``).join(", ")
    }.`,
  ),
  dns: dns.prefault({}).describe("How names are proven with `dns-01`."),
  renewal: renewal.prefault({}).describe("When certificates are renewed."),
}).superRefine((table, context) => {
  const seen = new Set<string>();
  for (const [index, { name }] of table.issuers.entries()) {
    if (seen.has(name)) {
      const message = "must not be in the list twice";
      context.addIssue({ code: "custom", input: name, path: ["issuers", index, "name"], message });
    }
    seen.add(name);
  }
  if (!table.enabled) return;
  for (const key of ["storage", "contact_email"] as const) {
    if (table[key] !== undefined) continue;
    refuseKey(context, {
      key,
      message: "is required when tls.acme.enabled is true",
      about: ["enabled"],
    });
  }
});

/** `[vhosts.tls.acme]`. */
export const vhostAcmeSchema = z.strictObject({
  enabled: z.boolean().default(false).describe("Manage the certificate of this vhost."),
  issuer: label().optional().describe("Issuer; `tls.acme.default_issuer` unless given."),
  challenge: enumWord(CHALLENGES).optional()
    .describe("How its names are proven; `tls.acme.challenge` unless given."),
  domains: list(hostPattern(), { max: MAX_DOMAINS, unique: "exact" }).default([])
    .describe("Names on the certificate; the vhost's hosts without wildcards unless given."),
});

/** A checked `[tls.acme]` table. */
export type AcmeConfig = Frozen<z.output<typeof acmeSchema>>;
/** A checked `[vhosts.tls.acme]` table. */
export type VhostAcmeConfig = Frozen<z.output<typeof vhostAcmeSchema>>;
/** A checked `[[tls.acme.issuers]]` table. */
export type IssuerConfig = AcmeConfig["issuers"][number];
/** A checked `[tls.acme.issuers.eab]` table. */
export type EabConfig = NonNullable<IssuerConfig["eab"]>;

declare module "../tls/schema.ts" {
  interface ManagedTls extends AcmeConfig {}
  interface ManagedVhostTls extends VhostAcmeConfig {}
}
