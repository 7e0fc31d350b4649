/**
 * `[vhosts.acme_challenge]` (spec 05 section 6.12): answers to HTTP-01 challenges come from another host, which
 * runs the ACME client. It is nothing but a proxy route, so it works without the ACME modules.
 *
 * @module
 */
import { isIP } from "node:net";
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { TableSchema } from "../../config/types.ts";
import { authority, list, secs } from "../../config/schema/values.ts";
import { splitAuthority } from "../../http/authority.ts";
import { MAX_UPSTREAMS } from "./schema.ts";

const ROUTE_NAME = "acme-http-01";
const CHALLENGES = "/.well-known/acme-challenge/";

const acmeChallengeSchema = z.strictObject({
  enabled: z.boolean().default(false)
    .describe(`Forward requests below \`${CHALLENGES}\`, over cleartext too.`),
  upstream: authority().optional().describe("The host that runs the ACME client."),
  upstreams: list(authority(), { max: MAX_UPSTREAMS, unique: "nocase" }).default([])
    .describe("Several; two or more need the load-balancer module."),
  upstream_tls: z.boolean().default(false).describe("Speak TLS to it."),
  connect_timeout_secs: secs().optional().describe("Longest wait for a connection."),
  read_timeout_secs: secs().optional().describe("Longest wait between two reads from it."),
  send_timeout_secs: secs().optional().describe("Longest wait for one write to it."),
}).superRefine((table, context) => {
  if (!table.enabled) return;
  const refuse = (key: string, message: string, ...about: string[]) =>
    refuseKey(context, { key, message, about });
  const named = [...table.upstream === undefined ? [] : [table.upstream], ...table.upstreams];
  if (named.length === 0) {
    refuse("upstream", "is required when acme_challenge.enabled is true", "enabled", "upstreams");
  }
  if (table.upstream !== undefined && table.upstreams.length > 0) {
    refuse("upstreams", "must not be set together with upstream", "upstream");
  }
  const host = named.length === 0 ? undefined : splitAuthority(named[0])?.host;
  if (table.upstream_tls && host !== undefined && isIP(host) !== 0) {
    const message = "needs an upstream with a host name, which its certificate is for";
    refuse("upstream_tls", message, "upstream", "upstreams");
  }
});

/** The table, and the route that it stands for. */
export const acmeChallengeTable: TableSchema = {
  table: "acme_challenge",
  scopes: ["vhost"],
  schema: acmeChallengeSchema,
  reload: "live",
  route({ enabled, ...proxy }) {
    if (enabled !== true) return undefined;
    const keys = Object.entries(proxy).filter(([, value]) => value !== undefined);
    return {
      name: ROUTE_NAME,
      path_prefix: CHALLENGES,
      https_redirect_exempt: true,
      proxy: Object.fromEntries(keys),
    };
  },
};
