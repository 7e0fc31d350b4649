/**
 * `headers.response.cors`: which other origins' pages may read answers (the Fetch standard's CORS
 * protocol). Beyond 1.5, off unless enabled.
 *
 * @module
 */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { list, secs, valueKinds } from "../../config/schema/values.ts";
import { isToken } from "../../http/chars.ts";

const MAX_ORIGINS = 64;
const MAX_METHODS = 32;
const MAX_NAMES = 64;

/** A `cors` table. Keys have no defaults here: an inner table is laid over the outer ones first. */
export const corsSchema = z.strictObject({
  enabled: z.boolean().optional()
    .describe("Default false. Answer preflight requests here and write the CORS fields."),
  allow_origins: list(origin(), { max: MAX_ORIGINS, unique: "exact" }).optional()
    .describe('Origins that may read: `https://app.example.com`, or `"*"` alone for all of them.'),
  allow_methods: list(token('method in upper case, or "*"', isMethod), {
    max: MAX_METHODS,
    unique: "exact",
  })
    .optional().describe('Default GET, HEAD, POST. Methods they may use, `"*"` for all of them.'),
  allow_headers: list(token('header name, or "*"', isToken), { max: MAX_NAMES, unique: "nocase" })
    .optional().describe(
      'Default none. Request fields they may send beyond the simple ones, `"*"` for all but ' +
        "`Authorization`.",
    ),
  expose_headers: list(token('header name, or "*"', isToken), { max: MAX_NAMES, unique: "nocase" })
    .optional().describe(
      'Default none. Response fields they may read beyond the simple ones, `"*"` for all but ' +
        "`Authorization`.",
    ),
  allow_credentials: z.boolean().optional()
    .describe('Default false. Let them send cookies. Not together with `"*"` in any of the lists.'),
  max_age_secs: secs({ min: 0, max: 86_400 }).optional()
    .describe("How long a browser may keep the answer to a preflight. Unset: its own default."),
}).superRefine((table, context) => {
  if (table.allow_origins !== undefined && mixesWildcard(table.allow_origins)) {
    context.addIssue({
      code: "custom",
      input: "*",
      path: ["allow_origins"],
      message: 'must have either "*" alone or a list of origins',
    });
  }
});

/** A checked `cors` table. */
export type CorsConfig = Frozen<z.output<typeof corsSchema>>;

function mixesWildcard(origins: readonly string[]): boolean {
  return origins.includes("*") && origins.length > 1;
}

/** An origin as a browser writes it into `Origin`, so that comparing is comparing text. */
function origin() {
  const allowed = 'an origin as a browser sends it, such as "https://app.example.com:8443", or "*"';
  return z.string().refine((text) => text === "*" || isOrigin(text), {
    error: `must be ${allowed}`,
  })
    .register(valueKinds, { type: "origin", allowed });
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") &&
    url.origin === text;
}

function token(allowed: string, accepts: (text: string) => boolean) {
  return z.string().refine(accepts, { error: `must be a ${allowed}` })
    .register(valueKinds, { type: "token", allowed });
}

function isMethod(text: string): boolean {
  return isToken(text) && text === text.toUpperCase();
}
