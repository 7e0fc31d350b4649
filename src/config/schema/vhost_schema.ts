/**
 * What the gateway itself owns of `[[vhosts]]` and `[[vhosts.routes]]` (spec 02 sections 2, 4, 5).
 * Rules that span keys are in `vhost_checks.ts` and `route_checks.ts`.
 *
 * @module
 */
import { z } from "zod";
import { isToken } from "../../http/chars.ts";
import { matchSchema } from "./match_schema.ts";
import { redirectTemplateProblem } from "./templates/redirect_template.ts";
import { rewriteTemplateProblem } from "./templates/rewrite_template.ts";
import { byteLength, hasControl } from "../read/text.ts";
import {
  byteSize,
  hostPattern,
  isPathValue,
  label,
  list,
  pathValue,
  redirectStatus,
  valueKinds,
} from "./values.ts";

/** Most hosts and routes of one vhost (spec 01 section 1.8). */
const MAX_HOSTS = 64;
export const MAX_ROUTES = 256;
const MAX_METHODS = 16;
const MAX_METHOD_BYTES = 32;
const MAX_REGEX_BYTES = 4096;

/** `[vhosts.redirect]`. */
const vhostRedirect = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Redirect every request of this vhost that no route takes."),
  to: redirectTemplate().optional()
    .describe(
      "Target, with `{uri}`, `{path}`, `{query}` and `{host}`; without scheme and host, on the same " +
        "host. Required when enabled.",
    ),
  status: redirectStatus().default(308).describe("Status of the redirect."),
});

/** `[vhosts.routes.redirect]`. */
const routeRedirect = z.strictObject({
  to: redirectTemplate().describe(
    "Target, with `{uri}`, `{path}`, `{query}`, `{host}` and captures of `path_regex`, " +
      "`{route.regex.1}`; without scheme and host, on the same host.",
  ),
  status: redirectStatus().default(308).describe("Status of the redirect."),
});

/** Keys of `[[vhosts.routes]]` that are not a module's. */
export const routeShape = {
  name: label().describe("Name for logs and metrics."),
  path_exact: pathValue().optional().describe("Matcher: the whole path."),
  path_prefix: pathValue().optional()
    .describe("Matcher: the path, or its beginning up to a `/`. The longest wins."),
  path_regex: pathRegex().optional()
    .describe("Matcher: a search in the path as it was sent. Needs `server.regex_enabled`."),
  fallback: z.boolean().default(false)
    .describe("Matcher: whatever no other route takes. At most one a vhost."),
  methods: list(method(), { max: MAX_METHODS, unique: "exact" }).default([])
    .describe("Methods this route takes; empty: all. Other methods go on to the next match."),
  match: matchSchema.optional(),
  https_redirect_exempt: z.boolean().default(false)
    .describe("Serve over cleartext although `server.https_redirect` is on."),
  strip_prefix: pathValue().optional()
    .describe("Beginning to take off the path before it is served. Needs `path_prefix`."),
  rewrite_prefix: rewritePrefix().optional()
    .describe("What to put in its place. Needs `strip_prefix`."),
  rewrite_template: rewriteTemplate().optional()
    .describe(
      "New path made of captures, `/item/{route.regex.1}`. Needs `path_regex`; instead of " +
        "`strip_prefix` and `rewrite_prefix`.",
    ),
  encoded_slashes: z.boolean().default(false).describe(
    "Take paths with `%2F` and send it on as it came; without it they get 400. For routes with `proxy`.",
  ),
  max_request_body_bytes: byteSize().optional()
    .describe("Most bytes of a request body on this route."),
  redirect: routeRedirect.optional().describe("Action: answer with a redirect."),
};

/** Keys of `[[vhosts]]` that are not a module's, without `routes`. */
export const vhostShape = {
  name: label().describe("Name for logs, metrics and `server.default_vhost`; unique."),
  hosts: list(hostPattern(), { min: 1, max: MAX_HOSTS })
    .describe("Hosts this vhost serves; each belongs to one vhost only."),
  max_request_body_bytes: byteSize().optional()
    .describe("Most bytes of a request body in this vhost."),
  redirect: vhostRedirect.optional(),
};

function method() {
  return z.string().refine(
    (value) => value.length <= MAX_METHOD_BYTES && isToken(value) && value === value.toUpperCase(),
    { error: `must be a method in upper case of at most ${MAX_METHOD_BYTES} characters` },
  ).register(valueKinds, { type: "method", allowed: "upper-case token" });
}

function pathRegex() {
  return z.string().refine(
    (value) => value !== "" && byteLength(value) <= MAX_REGEX_BYTES && !hasControl(value),
    { error: `must be a regular expression of 1 to ${MAX_REGEX_BYTES} bytes` },
  ).register(valueKinds, { type: "regex", allowed: "linear-time dialect (RE2)" });
}

function rewritePrefix() {
  return z.string().refine((value) => isPathValue(value) && !/[%\s]/.test(value), {
    error: 'must be a path that begins with "/" and has no "%", white space, "?", "#" or "\\"',
  }).register(valueKinds, { type: "path value", allowed: "also no `%` or white space" });
}

function redirectTemplate() {
  return template(redirectTemplateProblem, "`http://` or `https://` URL, or a path");
}

function rewriteTemplate() {
  return template(rewriteTemplateProblem, "path with `{route.regex.N}` or `{route.regex.name}`");
}

function template(whatIsWrong: (text: string) => string | undefined, allowed: string) {
  return z.string().superRefine((value, context) => {
    const message = whatIsWrong(value);
    if (message !== undefined) context.addIssue({ code: "custom", input: value, message });
  }).register(valueKinds, { type: "template", allowed });
}
