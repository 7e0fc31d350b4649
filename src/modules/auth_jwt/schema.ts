/** The `auth_jwt` table of vhosts and routes. Ours, beyond the 1.5 line. @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { protections } from "../../config/schema/remarks.ts";
import { count, filePath, headerName, list, valueKinds } from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";

const MAX_LIST = 16;
const MAX_TEXT = 512;
const MAX_LEEWAY_SECS = 300;

/** `[vhosts.auth_jwt]` and `[vhosts.routes.auth_jwt]`. */
export const authJwtSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Ask for a token. A table is on by being there."),
  keys_file: filePath({ trustedParent: true }).optional().describe(
    "Public keys that sign tokens: a JSON Web Key Set, or one key in PEM. RSA keys verify RS256, P-256 keys " +
      "ES256, Ed25519 keys EdDSA, and nothing else. Required when enabled.",
  ),
  issuers: list(text(), { max: MAX_LIST, unique: "exact" }).default([])
    .describe("Values of `iss` that are taken; empty: any."),
  audiences: list(text(), { max: MAX_LIST, unique: "exact" }).default([])
    .describe("Values of `aud` of which a token must have one; empty: any."),
  leeway_secs: count({ max: MAX_LEEWAY_SECS }).default(30)
    .describe("How far the clock of the issuer may be off."),
  cookie: z.string().refine(isToken, { error: "must be the name of a cookie" })
    .register(valueKinds, { type: "cookie name", allowed: "token" }).optional()
    .describe("Cookie with the token, for requests without `Authorization`."),
  claim_headers: z.record(z.string(), text()).default({}).describe(
    'Fields that tell the application of claims, `{ x-user = "sub" }`. The client\'s own are never sent.',
  ),
  forward_token: z.boolean().default(true).describe("Send the token on to the application."),
  realm: z.string().refine((value) => /^[ !#-[\]-~]{1,128}$/.test(value), {
    error: "must be 1 to 128 visible ASCII characters without quotes and backslashes",
  }).register(valueKinds, { type: "text", allowed: "visible ASCII" }).default("api")
    .describe("What a client without a token is told that it is for."),
}).superRefine(({ enabled, keys_file: file, claim_headers: headers }, context) => {
  const refuse = (path: string[], message: string) =>
    context.addIssue({ code: "custom", input: undefined, path, message });
  if (enabled && file === undefined) refuse(["keys_file"], "must be given: a JSON Web Key Set");
  const names = Object.keys(headers);
  if (names.length > MAX_LIST) refuse(["claim_headers"], `must have at most ${MAX_LIST} names`);
  for (const name of names) {
    if (!headerName().safeParse(name).success) {
      refuse(["claim_headers", name], 'must be a header name such as "x-user"');
    }
  }
}).register(protections, { undone: "authenticated" });

function text() {
  return z.string().refine((value) => value !== "" && value.length <= MAX_TEXT, {
    error: `must be 1 to ${MAX_TEXT} characters`,
  }).register(valueKinds, { type: "text", allowed: "not empty" });
}

/** A checked `auth_jwt` table. */
export type AuthJwtConfig = Frozen<z.output<typeof authJwtSchema>>;

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly auth_jwt?: AuthJwtConfig;
  }
  interface RouteTables {
    readonly auth_jwt?: AuthJwtConfig;
  }
}
