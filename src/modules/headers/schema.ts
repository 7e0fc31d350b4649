/**
 * The `headers` tables: at the root, in a vhost, in a route (spec 02 section 6). No key has a default
 * here, because an inner table is laid over the outer ones before defaults are filled in; see
 * `merge.ts`.
 *
 * @module
 */
import { z } from "zod";
import { refuseKey } from "../../config/problems/about.ts";
import type { Frozen } from "../../config/frozen.ts";
import { hasControl } from "../../config/read/text.ts";
import type { TableSchema } from "../../config/types.ts";
import { enumWord, headerValue, list, secs, valueKinds } from "../../config/schema/values.ts";
import { corsSchema } from "./cors_schema.ts";
import { readAuthority } from "../../http/authority.ts";
import { checkAnswerNames, checkEdits, edits } from "./edits_schema.ts";

const MAX_REWRITES = 32;
const MAX_REWRITE_URL = 2048;
const MAX_DOMAIN = 255;
const MAX_REPORTING_ENDPOINTS = 16;
/** A hundred years: nothing in the field is longer. */
const MAX_HSTS_SECS = 100 * 365 * 86_400;

const requestSchema = z.strictObject({
  enabled: z.boolean().optional()
    .describe(
      "Default true. `false` turns this policy off; fields of the connection are still removed and " +
        "`Via` is still written.",
    ),
  strip_inbound_client_ip_headers: z.boolean().optional()
    .describe("Default true. Remove fields in which clients could claim another address."),
  x_forwarded_for: enumWord(["off", "replace", "append"]).optional()
    .describe(
      "Default `replace`: the client's address alone. `append`: behind the chain of a trusted peer. " +
        "`off`: no such field.",
    ),
  x_real_ip: z.boolean().optional()
    .describe(
      "Send `X-Real-IP`. Default true where some `[headers.request]` table applies, else false.",
    ),
  x_forwarded_host: z.boolean().optional()
    .describe("Default true. Send the host that was asked for as `X-Forwarded-Host`."),
  x_forwarded_proto: z.boolean().optional()
    .describe("Default true. Send `http` or `https` as `X-Forwarded-Proto`."),
  forwarded: z.boolean().optional().describe("Default false. Send `Forwarded` (RFC 7239)."),
  ...edits,
}).superRefine(checkEdits).superRefine((table, context) => {
  const deleted = [...table.unset ?? [], ...table.remove ?? [], ...table.operations?.remove ?? []];
  const appended = Object.keys(table.append ?? {});
  if (deleted.includes("host") || appended.some((name) => name.toLowerCase() === "host")) {
    context.addIssue({
      code: "custom",
      input: undefined,
      message: "must not delete or append host: a request has exactly one; override it with set",
    });
  }
  const written = [table.set, table.add, table.operations?.add].flatMap((map) =>
    Object.entries(map ?? {})
  );
  for (const [name, value] of written) {
    if (name.toLowerCase() !== "host" || value.includes("{")) continue;
    if (readAuthority(value) !== undefined) continue;
    context.addIssue({
      code: "custom",
      input: value,
      message: "must set host to a host name or address, perhaps with a port",
    });
  }
});

const hsts = z.strictObject({
  enabled: z.boolean().optional().describe("Default true once this table is there."),
  max_age_secs: secs({ min: 0, max: MAX_HSTS_SECS }).optional()
    .describe("Default 63072000, two years. Above 0 when enabled."),
  include_subdomains: z.boolean().optional().describe("Default false."),
  preload: z.boolean().optional().describe("Default false."),
}).superRefine((table, context) => {
  if (table.enabled !== false && table.max_age_secs === 0) {
    const message = "must be above 0 when hsts is enabled";
    refuseKey(context, { key: "max_age_secs", input: 0, message, about: ["enabled"] });
  }
}).describe("`Strict-Transport-Security` in parts. An empty table sends it.");

const rewrite = z.strictObject({
  location: rules(urlPrefix(), "prefix of `Location`"),
  refresh: rules(urlPrefix(), "prefix of the URL in `Refresh`"),
  cookie_domain: rules(cookieDomain(), "`Domain` of `Set-Cookie`, compared without regard to case"),
  cookie_path: rules(cookiePath(), "prefix of `Path` in `Set-Cookie`"),
}).describe(
  "Put public names in place of an upstream's own. The first rule that matches is taken.",
);

const responseSchema = z.strictObject({
  enabled: z.boolean().optional()
    .describe("Default true. `false` leaves the fields of the content alone, `Server` included."),
  strict_transport_security: headerValue().optional()
    .describe("`Strict-Transport-Security` as it is sent. Not together with `hsts`."),
  hsts: hsts.optional(),
  content_security_policy: headerValue().optional().describe("`Content-Security-Policy`."),
  x_content_type_options: headerValue().optional().describe("Default `nosniff`."),
  x_frame_options: headerValue().optional().describe("Default `DENY`."),
  referrer_policy: headerValue().optional().describe("Default `no-referrer`."),
  hardening: z.strictObject({
    profile: enumWord(["off", "baseline", "cross-origin-isolated"]).optional()
      .describe("Default `off`. A set of isolation fields; a key of its own goes before it."),
  }).optional(),
  content_security_policy_report_only: headerValue().optional()
    .describe("`Content-Security-Policy-Report-Only`."),
  permissions_policy: headerValue().optional().describe("`Permissions-Policy`."),
  cross_origin_opener_policy: enumWord([
    "unsafe-none",
    "same-origin-allow-popups",
    "same-origin",
    "noopener-allow-popups",
  ]).optional().describe("`Cross-Origin-Opener-Policy`."),
  cross_origin_resource_policy: enumWord(["same-site", "same-origin", "cross-origin"]).optional()
    .describe("`Cross-Origin-Resource-Policy`."),
  cross_origin_embedder_policy: enumWord(["unsafe-none", "require-corp", "credentialless"])
    .optional().describe("`Cross-Origin-Embedder-Policy`."),
  x_permitted_cross_domain_policies: enumWord([
    "none",
    "master-only",
    "by-content-type",
    "by-ftp-filename",
    "all",
    "none-this-response",
  ]).optional().describe("`X-Permitted-Cross-Domain-Policies`."),
  reporting_endpoints: z.record(z.string(), reportingUrl()).superRefine(checkEndpoints).optional()
    .describe("`Reporting-Endpoints`: names for `report-to`, each with an https URL."),
  cors: corsSchema.optional(),
  rewrite: rewrite.optional(),
  ...edits,
}).superRefine(checkEdits).superRefine(checkAnswerNames).superRefine((table, context) => {
  if (table.hsts !== undefined && table.strict_transport_security !== undefined) {
    refuseKey(context, {
      key: "strict_transport_security",
      input: table.strict_transport_security,
      message: "must not be used with hsts in one table",
      about: ["hsts"],
    });
  }
});

/** `[headers]`, `[vhosts.headers]` and `[vhosts.routes.headers]`. */
export const headersSchema = z.strictObject({
  request: requestSchema.optional(),
  response: responseSchema.optional(),
});

/** The tables this module owns. */
export const tables: readonly TableSchema[] = [
  {
    table: "headers",
    scopes: ["root", "vhost", "route"],
    schema: headersSchema,
    merge: "whole",
    reload: "live",
  },
];

/** A checked `headers` table, before it is laid over others. */
export type HeadersConfig = Frozen<z.output<typeof headersSchema>>;
/** A checked `headers.request` table. */
export type RequestHeadersConfig = Frozen<z.output<typeof requestSchema>>;
/** A checked `headers.response` table. */
export type ResponseHeadersConfig = Frozen<z.output<typeof responseSchema>>;

declare module "../../config/types.ts" {
  interface RootTables {
    readonly headers?: HeadersConfig;
  }
  interface VhostTables {
    readonly headers?: HeadersConfig;
  }
  interface RouteTables {
    readonly headers?: HeadersConfig;
  }
}

function rules(side: ReturnType<typeof urlPrefix>, what: string) {
  return list(z.strictObject({ from: side, to: side }), { max: MAX_REWRITES })
    .superRefine((entries, context) => {
      const seen = new Set<string>();
      for (const [index, { from }] of entries.entries()) {
        if (seen.has(from)) {
          context.addIssue({
            code: "custom",
            input: from,
            path: [index, "from"],
            message: "must not be in the list twice",
          });
        }
        seen.add(from);
      }
    }).optional().describe(`Rules for the ${what}: \`{ from = "...", to = "..." }\`.`);
}

function urlPrefix() {
  return checked(
    `an http:// or https:// URL or a path that begins with one "/", of at most ${MAX_REWRITE_URL} ` +
      "characters",
    (text) =>
      text.length <= MAX_REWRITE_URL && !hasControl(text) &&
      (/^https?:\/\/./.test(text) || /^\/(?!\/)/.test(text)),
  );
}

function cookieDomain() {
  return checked(
    `a domain of 1 to ${MAX_DOMAIN} letters, digits, dots and hyphens`,
    (text) => text.length <= MAX_DOMAIN && /^[A-Za-z0-9.-]+$/.test(text),
  );
}

function cookiePath() {
  return checked(
    'a path that begins with "/", without white space or ";"',
    (text) => text.startsWith("/") && !/[\s;]/.test(text) && !hasControl(text),
  );
}

function reportingUrl() {
  return checked(
    `an https:// URL of at most ${MAX_REWRITE_URL} characters, without quotes`,
    (text) =>
      text.length <= MAX_REWRITE_URL && /^https:\/\/[!#-[\]-~]+$/.test(text) && URL.canParse(text),
  );
}

function checkEndpoints(table: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  const endpoints = Object.keys(table);
  if (endpoints.length > MAX_REPORTING_ENDPOINTS) {
    context.addIssue({
      code: "custom",
      input: endpoints.length,
      message: `must have at most ${MAX_REPORTING_ENDPOINTS} endpoints`,
    });
  }
  for (const name of endpoints) {
    // RFC 9651 section 3.1.2: the keys of a structured dictionary.
    if (/^[a-z*][a-z0-9_.*-]*$/.test(name)) continue;
    context.addIssue({
      code: "custom",
      input: name,
      path: [name],
      message: "must be a name of lower-case letters, digits, `_`, `-`, `.` and `*`",
    });
  }
}

function checked(allowed: string, accepts: (text: string) => boolean) {
  return z.string().refine(accepts, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "string", allowed });
}
