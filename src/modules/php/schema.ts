/** `[vhosts.php]` and `[vhosts.routes.php]` (spec 07 sections 2 and 3). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import {
  byteLength,
  byteSize,
  count,
  enumWord,
  filePath,
  hasControl,
  headerName,
  list,
  pathValue,
  port,
  secs,
  status,
  valueKinds,
} from "../../config/schema/values.ts";
import { pageSchema } from "../web/module.ts";
import { fpmSchema } from "./fpm_schema.ts";
import { OWN_PARAMS } from "./request/own_params.ts";

const MIB = 1024 * 1024;

const MAX_EXTENSIONS = 16;
const MAX_DENY_PREFIXES = 128;
const MAX_PATTERNS = 32;
const MAX_PATTERN_BYTES = 512;
const MAX_HIDDEN_HEADERS = 64;
const MAX_INTERCEPTED = 200;
const MAX_PAGES = 64;
const MAX_PARAMS = 128;
const MAX_PARAM_NAME_BYTES = 128;
const MAX_PARAM_VALUE_BYTES = 16 * 1024;
/** Directories of static files of one table, allowed or denied. */
const MAX_STATIC_PREFIXES = 128;

/** Most bytes of an answer; what is larger is for `X-Accel-Redirect` or `streaming`. */
const MAX_RESPONSE_BYTES = 64 * MIB;

/** What `preset = "wordpress"` adds to `deny_path_prefixes`, in this order (spec 07 section 6). */
const WORDPRESS_DENIES = [
  "/wp-content/uploads/",
  "/wp-content/blogs.dir/",
  "/blogs.dir/",
  "/uploads/",
  "/files/",
];

const errorPage = z.strictObject({
  status: status({ min: 400, max: 599 }).describe("Status that is replaced; it is kept."),
  path: pathValue().describe("The page below `web.root`; not served by this name itself."),
  web: pageSchema.describe("Where the page is; as `[web]`, and nothing is cached."),
});

const table = z.strictObject({
  enabled: z.boolean().default(false)
    .describe("Answer with PHP. While off, rules between keys are not checked."),
  preset: enumWord(["none", "wordpress"]).default("none")
    .describe("`wordpress` sets `try_files` and adds to `deny_path_prefixes`."),
  runtime: enumWord(["php-fpm"]).default("php-fpm").describe("What runs PHP."),
  root: filePath({ trustedParent: true, mayBeLinked: true }).optional()
    .describe("Directory of the application; required when enabled. Every script is below it."),
  resolve_root_symlink: z.boolean().default(false)
    .describe("`root` itself may be a symbolic link, which is resolved once, at the start."),
  fpm_root: filePath().optional()
    .describe("`root` as php-fpm sees it, in another container for example. Unset: the same."),
  index: scriptName().default("index.php")
    .describe("Front controller, and the script that answers for its directory."),
  allowed_extensions: list(extension(), { min: 1, max: MAX_EXTENSIONS, unique: "nocase" })
    .default(["php"]).describe("Extensions of scripts, in any case."),
  deny_path_prefixes: list(pathValue(), { max: MAX_DENY_PREFIXES, unique: "exact" }).default([])
    .describe("Scripts below these paths are never executed."),
  try_files: enumWord(["front-controller", "wordpress", "strict"]).default("front-controller")
    .describe("What paths without a script are: the `index` of `root`, or nothing (`strict`)."),
  path_info: z.union([enumWord(["disabled", "split"]), z.literal("strict")])
    .transform((value): "disabled" | "split" => value === "strict" ? "split" : value)
    .default("disabled")
    .register(valueKinds, { type: "string", allowed: "`disabled`, `split`; `strict` is `split`" })
    .describe("Whether a path may go on after the name of a script."),
  request_timeout_secs: secs().default(30)
    .describe("Longest time of one attempt without progress in either direction."),
  max_in_flight: count({ min: 1, max: 4096 }).default(8)
    .describe("Requests that php-fpm works on at a time, over all workers of the gateway."),
  max_request_body_bytes: byteSize().optional()
    .describe(
      "Most bytes of a request's body; the limits of route, vhost and server hold as well.",
    ),
  request_body_spool_threshold_bytes: byteSize().optional()
    .describe("Larger bodies wait in a file; with `request_body_spool_dir`."),
  request_body_spool_dir: filePath({ trustedParent: true }).optional()
    .describe("Directory of those files; with `request_body_spool_threshold_bytes`."),
  max_response_bytes: byteSize({ max: MAX_RESPONSE_BYTES }).default(MAX_RESPONSE_BYTES)
    .describe("Most bytes that PHP may send, errors included. Not with `streaming`."),
  max_response_header_bytes: byteSize({ max: MIB }).default(64 * 1024)
    .describe("Most bytes of the fields of PHP's answer."),
  pass_request_headers: z.boolean().default(true).describe("Pass request headers on, as `HTTP_*`."),
  pass_request_body: z.boolean().default(true)
    .describe("Pass the body on. Otherwise it is read and thrown away."),
  server_port: port().optional().describe("`SERVER_PORT`. Unset: the port of `Host`."),
  stderr_log: z.boolean().default(true).describe("Log what PHP writes to standard error."),
  stderr_log_level: enumWord(["error", "warn", "info", "debug"]).default("warn")
    .describe("At this level."),
  stderr_max_bytes: byteSize({ max: MIB }).default(2048).describe("Most bytes of it in the log."),
  stderr_failure_patterns: list(pattern(), { max: MAX_PATTERNS, unique: "exact" }).default([])
    .describe("Texts on standard error that make an answer invalid."),
  hide_response_headers: list(headerName(), { max: MAX_HIDDEN_HEADERS, unique: "nocase" })
    .default([]).describe("Fields of PHP's answers that are not passed on."),
  ignore_origin_cache_headers: z.boolean().default(false)
    .describe("Drop `Cache-Control`, `Expires` and `Pragma` of PHP."),
  intercept_error_statuses: list(status({ min: 400, max: 599 }), {
    max: MAX_INTERCEPTED,
    unique: "exact",
  }).default([]).describe("Statuses of PHP whose answer is replaced by the gateway's own."),
  error_pages: z.array(errorPage).max(MAX_PAGES).default([])
    .describe("Pages in place of answers with these statuses."),
  params: z.record(z.string(), paramValue()).superRefine(checkParams).default({})
    .register(valueKinds, { type: "table of strings", allowed: "at most 128 names of `A-Z 0-9 _`" })
    .describe("Further FastCGI parameters."),
  streaming: z.boolean().default(false)
    .describe(
      "Pass bodies on as they come instead of collecting them: for large downloads and event streams. " +
        "Ours, not in the 1.5 line.",
    ),
  static_deny_prefixes: list(pathValue(), { max: MAX_STATIC_PREFIXES, unique: "exact" }).default([])
    .describe(
      "Files below these paths are not served by `[vhosts.web]` either. Ours, not in the 1.5 line.",
    ),
  static_allow_prefixes: list(pathValue(), { max: MAX_STATIC_PREFIXES, unique: "exact" })
    .default([])
    .describe(
      "Files are served by `[vhosts.web]` below these paths only; none: everywhere. Ours, not in the " +
        "1.5 line.",
    ),
  static_cache: z.strictObject({
    path: pathValue().describe("Directory of the cached pages below `root`, as a path."),
    file: pageName().default("index.html").describe("Name of a page in the directory of its path."),
    https_file: pageName().optional()
      .describe("The same for clients that came by TLS. Unset: as `file`."),
    bypass_cookies: list(cookieName(), { max: 32, unique: "exact" })
      .default(["comment_author_", "wordpress_logged_in_", "wordpress_no_cache", "wp-postpass_"])
      .describe("How names of cookies begin with which PHP is asked."),
  }).optional().describe(
    "Pages that a cache of the application has stored as files, by host and path (WP Super Cache); sent " +
      "for `GET` without a query. Ours, not in the 1.5 line.",
  ),
  fpm: fpmSchema.prefault({}),
});

/** `[vhosts.php]` and `[vhosts.routes.php]`, presets applied. */
export const phpSchema = table.transform((php) =>
  php.preset !== "wordpress" ? php : {
    ...php,
    try_files: php.try_files === "front-controller" ? "wordpress" as const : php.try_files,
    deny_path_prefixes: [
      ...php.deny_path_prefixes,
      ...WORDPRESS_DENIES.filter((prefix) => !php.deny_path_prefixes.includes(prefix)),
    ],
  }
);

/** A checked `php` table. */
export type PhpConfig = Frozen<z.output<typeof phpSchema>>;

function scriptName() {
  const allowed = 'a plain file name that ends with ".php", such as "index.php"';
  return z.string().refine(
    (name) =>
      /^[^/\\]+\.php$/.test(name) && !name.startsWith(".") && !hasControl(name) &&
      name.trim() === name,
    { error: `must be ${allowed}` },
  ).register(valueKinds, { type: "file name", allowed });
}

function pageName() {
  const allowed = "a plain file name without `/`, `\\`, not beginning with a dot";
  return z.string().refine(
    (name) => /^[^/\\.][^/\\]*$/.test(name) && !hasControl(name),
    { error: `must be ${allowed}` },
  ).register(valueKinds, { type: "file name", allowed });
}

function cookieName() {
  const allowed = "letters, digits, hyphens and underscores";
  return z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "name of a cookie", allowed });
}

function extension() {
  const allowed = 'letters, digits, hyphens and underscores, without a dot, such as "php"';
  return z.string().regex(/^[A-Za-z0-9_-]+$/, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "extension", allowed });
}

function pattern() {
  const allowed = `1 to ${MAX_PATTERN_BYTES} bytes without control characters`;
  return z.string().refine(
    (text) => text !== "" && byteLength(text) <= MAX_PATTERN_BYTES && !hasControl(text),
    { error: `must be ${allowed}` },
  ).register(valueKinds, { type: "text", allowed });
}

function paramValue() {
  const allowed = `at most ${MAX_PARAM_VALUE_BYTES} bytes without control characters`;
  return z.string().refine(
    (text) => byteLength(text) <= MAX_PARAM_VALUE_BYTES && !hasControl(text),
    { error: `must be ${allowed}` },
  ).register(valueKinds, { type: "text", allowed });
}

/** Names that an application may be given, and no others: the gateway's own cannot be spoken over. */
function checkParams(params: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  const names = Object.keys(params);
  if (names.length > MAX_PARAMS) {
    context.addIssue({ code: "custom", message: `must have at most ${MAX_PARAMS} names` });
  }
  for (const name of names) {
    const message = paramProblem(name);
    if (message === undefined) continue;
    context.addIssue({ code: "custom", input: params[name], path: [name], message });
  }
}

function paramProblem(name: string): string | undefined {
  if (OWN_PARAMS.has(name)) {
    return name === "PHP_VALUE" || name === "PHP_ADMIN_VALUE"
      ? "must not be set for each request: set it in the pool's configuration of php-fpm"
      : "must not be set: the gateway does";
  }
  if (name.startsWith("HTTP_")) return "must not be set: names with HTTP_ are request headers";
  if (/^[A-Z_][A-Z0-9_]*$/.test(name) && name.length <= MAX_PARAM_NAME_BYTES) return undefined;
  return `must have a name of 1 to ${MAX_PARAM_NAME_BYTES} of A-Z, 0-9 and _, not beginning with a digit`;
}

declare module "../../config/types.ts" {
  interface VhostTables {
    readonly php?: PhpConfig;
  }
  interface RouteTables {
    readonly php?: PhpConfig;
  }
}
