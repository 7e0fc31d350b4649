/** The `access` table of vhosts and routes (spec 02 section 11.1). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { protections } from "../../config/schema/remarks.ts";
import { hostPattern, ipMatcher, list, sha256, valueKinds } from "../../config/schema/values.ts";

const MAX_NETWORKS = 256;
const MAX_CERTIFICATES = 256;
const MAX_COUNTRIES = 512;
const MAX_ASNS = 2048;
const MAX_ASN = 2 ** 32 - 1;

/** An ISO 3166-1 alpha-2 country code, in upper case as databases spell it. */
function country() {
  const form = 'an ISO country code of two upper-case letters such as "SE"';
  return z.string().refine((value) => /^[A-Z]{2}$/.test(value), { error: `must be ${form}` })
    .register(valueKinds, { type: "country", allowed: "two upper-case letters" });
}

/** An autonomous system number. */
function asn() {
  return z.int().min(1).max(MAX_ASN).register(valueKinds, { type: "AS number" });
}

function networks() {
  return list(ipMatcher(), { max: MAX_NETWORKS, unique: "exact" }).default([]);
}

function certificates() {
  return list(sha256(), { max: MAX_CERTIFICATES }).default([]);
}

function countries() {
  return list(country(), { max: MAX_COUNTRIES }).default([]);
}

function asns() {
  return list(asn(), { max: MAX_ASNS }).default([]);
}

/** Most texts of one list, and longest one. */
const MAX_AGENTS = 128;
const MAX_AGENT_BYTES = 128;
const MAX_REFERERS = 128;

function agents() {
  const form = `a text of 1 to ${MAX_AGENT_BYTES} visible ASCII characters and spaces`;
  const agent = z.string().refine(
    (text) => /^[ -~]+$/.test(text) && text.trim() !== "" && text.length <= MAX_AGENT_BYTES,
    { error: `must be ${form}` },
  ).register(valueKinds, { type: "text", allowed: "visible ASCII" });
  return list(agent, { max: MAX_AGENTS, unique: "nocase" }).default([]);
}

function hosts() {
  return list(hostPattern(), { max: MAX_REFERERS, unique: "exact" }).default([]);
}

/** `[vhosts.access]` and `[vhosts.routes.access]`. */
export const accessSchema = z.strictObject({
  enabled: z.boolean().default(true)
    .describe("Ask these rules. A table is on by being there."),
  allow: networks()
    .describe("Client addresses and networks that may ask; empty: all that are not denied."),
  deny: networks().describe("Client addresses and networks that may not, whatever `allow` says."),
  require_client_cert: z.boolean().default(false)
    .describe("Only clients with a verified certificate may ask. Needs TLS client authentication."),
  allow_client_cert_sha256: certificates()
    .describe("Fingerprints of the client certificates that may ask; empty: all."),
  deny_client_cert_sha256: certificates()
    .describe("Fingerprints of client certificates that may not."),
  allow_countries: countries()
    .describe("Countries clients may ask from; empty: all. Needs `geoip.enabled`."),
  deny_countries: countries().describe("Countries they may not. Needs `geoip.enabled`."),
  allow_asns: asns()
    .describe("Autonomous systems clients may ask from; empty: all. Needs `geoip.enabled`."),
  deny_asns: asns().describe("Autonomous systems they may not. Needs `geoip.enabled`."),
  deny_user_agents: agents()
    .describe("Texts: a `User-Agent` that contains one, in any case, is refused. Ours."),
  allow_referers: hosts().describe(
    "Hosts of pages that may lead here, `*.example.com` among them; empty: all. The host that is asked, and " +
      "requests without `Referer`, always may. Ours.",
  ),
  deny_referers: hosts().describe("Hosts of pages that may not. Ours."),
}).register(protections, { undone: "refused" });

/** A checked `access` table. */
export type AccessConfig = Frozen<z.output<typeof accessSchema>>;

/** The lists that look at where a client is. */
export const GEO_KEYS = ["allow_countries", "deny_countries", "allow_asns", "deny_asns"] as const;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly access?: AccessConfig;
  }
  interface RouteTables {
    readonly access?: AccessConfig;
  }
}
