/**
 * `proxy.load_balance` of the 1.5 line (spec 03 sections 3 and 8 to 13). It is checked wherever it stands: a
 * block with a single upstream has no pool, so the table has no effect there and loads in every build.
 *
 * @module
 */
import { z } from "zod";
import { refuseKey } from "../problems/about.ts";
import { isToken } from "../../http/chars.ts";
import { parseMemberRange } from "./member_range.ts";
import { hasControl } from "../read/text.ts";
import {
  count,
  enumWord,
  filePath,
  headerName,
  hostName,
  list,
  port,
  secs,
  status,
  valueKinds,
} from "./values.ts";

const MAX_STATUSES = 64;
const MAX_EXPECTED = 32;
const MAX_HEADERS = 16;
const MAX_BODY_MATCHERS = 8;
const MAX_EXEC_ARGS = 16;

const HASHES = ["source", "uri", "header", "cookie"] as const;

/** Selections and their aliases, by what comes out. */
const SELECTIONS: ReadonlyMap<string, string> = new Map([
  ["round-robin", "round-robin"],
  ["least-connections", "least-connections"],
  ["weighted-least-connections", "least-connections"],
  ["ratio-least-connections", "least-connections"],
  ["least-sessions", "least-sessions"],
  ["least-session", "least-sessions"],
  ["least-time", "least-time"],
  ["power-of-two", "power-of-two"],
  ["power-of-two-choices", "power-of-two"],
  ["two-choice", "power-of-two"],
  ["weighted-two-choice", "power-of-two"],
  ["weighted-random-two-choice", "power-of-two"],
  ...["", "consistent-", "bounded-load-consistent-", "maglev-"].flatMap((family) =>
    HASHES.map((key): [string, string] => [`${family}${key}-hash`, `${family}${key}-hash`])
  ),
  ...HASHES.flatMap((key): [string, string][] => [
    [`nginx-consistent-${key}-hash`, `nginx-consistent-${key}-hash`],
    [`ketama-${key}-hash`, `nginx-consistent-${key}-hash`],
  ]),
  ["ketama", "nginx-consistent-source-hash"],
  ["nginx-consistent-hash", "nginx-consistent-source-hash"],
  ["maglev", "maglev-source-hash"],
  ["maglev-hash", "maglev-source-hash"],
]);

const DATABASES = ["redis", "mysql", "postgres"] as const;

const EXEC_KEYS = [
  "exec_command",
  "exec_args",
  "exec_allowed_commands",
  "exec_timeout_secs",
] as const;

const HTTP_MATCHERS = [
  "expected_statuses",
  "expected_status_ranges",
  "expected_headers",
  "expected_body_contains",
  "expected_body_json",
] as const;

const DEFAULT_LOAD_FACTOR = 1250;

const queue = z.strictObject({
  max_waiting: count({ max: 100_000 }).default(0).describe("Requests that may wait; 0: none."),
  timeout_ms: count({ max: 60_000 }).default(0).describe("Longest wait."),
  retry_interval_ms: count({ min: 1, max: 1000 }).default(10).describe("Time between selections."),
}).superRefine((table, context) => {
  if ((table.max_waiting > 0) === (table.timeout_ms > 0)) return;
  refuse(context, "max_waiting", "must be set together with timeout_ms, or neither of them", [
    "timeout_ms",
  ]);
});

const persistence = z.strictObject({
  enabled: z.boolean().default(false).describe("Keep clients with the member they had."),
  mode: enumWord(["source-ip", "header", "cookie", "managed-cookie"]).default("source-ip")
    .describe("What a client is known by."),
  header: headerName().optional().describe("Header with the key, in mode `header`."),
  cookie: token("the name of a cookie").optional().describe("Cookie with the key."),
  ttl_secs: secs().default(300).describe("How long an entry lives."),
  table_max_entries: count({ min: 1, max: 1_000_000 }).default(65_536).describe("Most entries."),
  managed_cookie_domain: attribute("", 253).optional().describe("`Domain` of the cookie."),
  managed_cookie_path: attribute("/", 256).optional().describe("`Path` of the cookie."),
  managed_cookie_secure: z.boolean().default(true).describe("`Secure`."),
  managed_cookie_http_only: z.boolean().default(true).describe("`HttpOnly`."),
  managed_cookie_same_site: enumWord(["strict", "lax", "none"]).default("lax")
    .describe("`SameSite`."),
  managed_cookie_max_age_secs: secs().optional().describe("`Max-Age`; `ttl_secs` unless set."),
}).superRefine((table, context) => {
  const wants = { header: ["header"], cookie: ["cookie", "managed-cookie"] } as const;
  for (const key of ["header", "cookie"] as const) {
    const modes: readonly string[] = wants[key];
    if (modes.includes(table.mode) === (table[key] !== undefined)) continue;
    refuse(context, key, `must be set with mode = "${modes.join('" or "')}", and with no other`, [
      "mode",
    ]);
  }
  if (table.managed_cookie_same_site === "none" && !table.managed_cookie_secure) {
    refuse(
      context,
      "managed_cookie_secure",
      'must be true with managed_cookie_same_site = "none"',
      ["managed_cookie_same_site"],
    );
  }
  if (table.mode === "managed-cookie") return;
  const given = {
    managed_cookie_domain: table.managed_cookie_domain !== undefined,
    managed_cookie_path: table.managed_cookie_path !== undefined,
    managed_cookie_secure: !table.managed_cookie_secure,
    managed_cookie_http_only: !table.managed_cookie_http_only,
    managed_cookie_same_site: table.managed_cookie_same_site !== "lax",
    managed_cookie_max_age_secs: table.managed_cookie_max_age_secs !== undefined,
  };
  for (const [key, isGiven] of Object.entries(given)) {
    if (isGiven) refuse(context, key, 'must be left out unless mode = "managed-cookie"', ["mode"]);
  }
});

const slowStart = z.strictObject({
  enabled: z.boolean().default(false).describe("Send few requests to new members at first."),
  duration_secs: secs({ max: 3600 }).default(30).describe("How long."),
});

const passiveHealth = z.strictObject({
  enabled: z.boolean().default(false).describe("Take members out whose requests fail."),
  consecutive_failure: count({ min: 1, max: 1000 }).default(3).describe("Failures in a row."),
  ejection_secs: secs({ max: 3600 }).default(30).describe("For how long."),
  half_open_requests: count({ max: 100 }).default(0)
    .describe("Trial requests that must succeed after an ejection; 0: none."),
  min_healthy_backends: count({ max: 4096 }).default(1).describe("Members that always stay."),
  failure_statuses: statuses(MAX_STATUSES, 500).default([]).describe("In place of any 5xx."),
  failure_status_ranges: ranges(MAX_STATUSES, 500).default([]).describe("The same as ranges."),
  max_latency_ms: count({ max: 600_000 }).default(0).describe("Slower is a failure; 0: never."),
});

const healthCheck = z.strictObject({
  enabled: z.boolean().default(true).describe("Probe the members."),
  protocol: enumWord(["tcp", "http", "grpc", "exec", ...DATABASES]).default("tcp")
    .describe("How."),
  fail_open: z.boolean().default(false)
    .describe("Use all members while the probes of all of them fail; otherwise none."),
  interval_secs: count({ min: 1 }).default(1).describe("Time between two rounds."),
  consecutive_success: count({ min: 1 }).default(1).describe("Successes that make it healthy."),
  consecutive_failure: count({ min: 1 }).default(1).describe("Failures that make it unhealthy."),
  parallel: z.boolean().default(false).describe("Probe all members at once."),
  method: string("a method in upper case", (text) => /^[A-Z]{1,32}$/.test(text)).default("GET")
    .describe("Method of the request."),
  path: string('a path that begins with "/"', isProbePath).default("/").describe("Its target."),
  host: hostName().optional().describe("Its host."),
  request_headers: fields(MAX_HEADERS, 0).default([]).describe("Its further fields."),
  grpc_service: string(
    "1 to 256 letters, digits, dots, hyphens or underscores",
    (text) => /^[A-Za-z0-9._-]{1,256}$/.test(text),
  ).optional().describe("Service to ask for."),
  expected_statuses: statuses(MAX_EXPECTED, 100).default([]).describe("Statuses that are well."),
  expected_status_ranges: ranges(MAX_EXPECTED, 100).default([]).describe("The same as ranges."),
  expected_headers: fields(MAX_EXPECTED, 1).default([]).describe("Fields that must be there."),
  expected_body_contains: list(matcher(), { max: MAX_BODY_MATCHERS, unique: "exact" }).default([])
    .describe("Texts that must be in the body."),
  expected_body_json: list(
    z.strictObject({
      path: string(
        "names of fields, with dots between them",
        (text) => text.length <= 256 && /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text),
      ),
      equals: matcher(),
    }),
    { max: MAX_BODY_MATCHERS },
  ).default([]).describe("Values that must be in the body."),
  health_weight_min_percent: count({ min: 1, max: 100 }).default(25)
    .describe("Least weight that a probe may ask for."),
  reuse_connection: z.boolean().default(false).describe("Keep the connection."),
  port_override: port().optional().describe("Another port to probe."),
  connect_timeout_secs: secs().optional().describe("Longest wait for a connection."),
  read_timeout_secs: secs().optional().describe("Longest wait for an answer."),
  exec_command: command().optional().describe("Program to run."),
  exec_args: list(
    string("a text of at most 256 bytes", (text) => text.length <= 256 && !hasControl(text)),
    { max: MAX_EXEC_ARGS },
  ).default([]).describe("Its arguments."),
  exec_allowed_commands: list(command(), { max: MAX_EXEC_ARGS, unique: "exact" }).default([])
    .describe("Programs that may be run."),
  exec_timeout_secs: secs().default(1).describe("Longest time it may take."),
}).superRefine((table, context) => {
  const { protocol } = table;
  const exec = protocol === "exec";
  const plain = exec || (DATABASES as readonly string[]).includes(protocol);
  const refused = new Map<string, boolean>([
    ["parallel", plain && table.parallel],
    ["host", plain && table.host !== undefined],
    [
      "request_headers",
      protocol !== "http" && protocol !== "grpc" && table.request_headers.length > 0,
    ],
    ["grpc_service", protocol !== "grpc" && table.grpc_service !== undefined],
    ["reuse_connection", plain && table.reuse_connection],
    ["port_override", plain && table.port_override !== undefined],
    ["connect_timeout_secs", exec && table.connect_timeout_secs !== undefined],
    ["read_timeout_secs", exec && table.read_timeout_secs !== undefined],
  ]);
  for (const key of HTTP_MATCHERS) {
    refused.set(key, (plain || protocol === "grpc") && table[key].length > 0);
  }
  for (const key of EXEC_KEYS) {
    const value = table[key];
    const given = key === "exec_timeout_secs"
      ? value !== 1
      : Array.isArray(value)
      ? value.length > 0
      : value !== undefined;
    refused.set(key, !exec && given);
  }
  checkNames(context, "request_headers", table.request_headers, RESERVED);
  checkNames(context, "expected_headers", table.expected_headers, []);
  const paths = table.expected_body_json.map(({ path }) => path);
  for (const [i, path] of paths.entries()) {
    if (paths.indexOf(path) === i) continue;
    const message = "must not stand in the list twice";
    context.addIssue({
      code: "custom",
      input: path,
      path: ["expected_body_json", i, "path"],
      message,
    });
  }
  for (const [key, isRefused] of refused) {
    if (isRefused) {
      refuse(context, key, `must be left out with protocol = "${protocol}"`, ["protocol"]);
    }
  }
  if (!exec) return;
  if (table.exec_command === undefined) {
    refuse(context, "exec_command", 'is required with protocol = "exec"', ["protocol"]);
  } else if (!table.exec_allowed_commands.includes(table.exec_command)) {
    refuse(context, "exec_allowed_commands", "must contain exec_command", ["exec_command"]);
  }
});

/** Fields that a probe writes itself, or that belong to the connection. */
const RESERVED = [
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

function checkNames(
  context: z.RefinementCtx,
  key: string,
  fields: readonly { readonly name: string }[],
  reserved: readonly string[],
): void {
  const seen = new Set<string>();
  for (const [i, { name }] of fields.entries()) {
    const message = reserved.includes(name)
      ? "must not be a field that the probe writes itself"
      : seen.has(name)
      ? "must not stand in the list twice"
      : undefined;
    seen.add(name);
    if (message !== undefined) {
      context.addIssue({ code: "custom", input: name, path: [key, i, "name"], message });
    }
  }
}

const retry = z.strictObject({
  enabled: z.boolean().default(false).describe("Try another member after a failure."),
  max_retries: count({ max: 10 }).default(1).describe("Attempts after the first."),
  methods: list(enumWord(["GET", "HEAD", "OPTIONS", "TRACE"]), { max: 16, unique: "exact" })
    .default(["GET", "HEAD", "OPTIONS"]).describe("Methods that may be repeated."),
  statuses: statuses(MAX_EXPECTED, 500).default([]).describe("Answers that are a failure."),
  status_ranges: ranges(MAX_EXPECTED, 500).default([]).describe("The same as ranges."),
  budget_per_window: count({ max: 1_000_000 }).default(0).describe("Most retries; 0: no bound."),
  budget_window_secs: secs({ max: 3600 }).default(1).describe("In which time."),
});

/** The words of `selections`, and what they stand for. */
function selection(selections: ReadonlyMap<string, string>) {
  return z.string().transform((word, context): string => {
    const selection = selections.get(word);
    if (selection !== undefined) return selection;
    const message = `must be one of ${[...new Set(selections.values())].join(", ")}`;
    context.addIssue({ code: "custom", input: word, message });
    return z.NEVER;
  }).register(valueKinds, { type: "string", allowed: "a selection" }).default("round-robin")
    .describe("How a member is chosen.");
}

/** Selections that look at a request, or at the sessions of pools that keep them. */
const OF_REQUESTS = /(?:uri|header|cookie)-hash$|^least-sessions$/;

/** `[stream.routes.load_balance]`: connections have an address, and no requests. */
export const streamBalanceSchema = z.strictObject({
  selection: selection(new Map([...SELECTIONS].filter(([, word]) => !OF_REQUESTS.test(word)))),
  max_iterations: count({ min: 1 }).default(256).describe("Most members looked at."),
  bounded_load_factor_per_mille: count({ min: 1000, max: 10_000 }).default(DEFAULT_LOAD_FACTOR)
    .describe("How much more than its share a member may get."),
  health_check: healthCheck.prefault({}),
  passive_health: passiveHealth.omit({ failure_statuses: true, failure_status_ranges: true })
    .prefault({}),
  slow_start: slowStart.prefault({}),
}).superRefine(({ selection, bounded_load_factor_per_mille: factor }, context) => {
  if (factor !== DEFAULT_LOAD_FACTOR && !selection.startsWith("bounded-load-")) {
    refuse(context, "bounded_load_factor_per_mille", "needs a bounded-load selection", [
      "selection",
    ]);
  }
});

/** `[proxy.load_balance]`. */
export const loadBalanceSchema = z.strictObject({
  selection: selection(SELECTIONS),
  hash_header: headerName().optional().describe("Header that is hashed."),
  hash_cookie: token("the name of a cookie").optional().describe("Cookie that is hashed."),
  max_iterations: count({ min: 1 }).default(256).describe("Most members looked at."),
  all_down_status: status({ min: 500 }).default(502).describe("Status when no member is there."),
  bounded_load_factor_per_mille: count({ min: 1000, max: 10_000 }).default(DEFAULT_LOAD_FACTOR)
    .describe("How much more than its share a member may get."),
  runtime_state_file: filePath({ trustedParent: true }).optional()
    .describe("What is kept over a restart."),
  member_ranges: list(memberRange(), { max: 64, unique: "exact" }).default([])
    .describe("Where members may lie that are discovered, or added while it serves."),
  health_check: healthCheck.prefault({}),
  passive_health: passiveHealth.prefault({}),
  slow_start: slowStart.prefault({}),
  persistence: persistence.prefault({}),
  retry: retry.prefault({}),
  queue: queue.prefault({}),
}).superRefine((table, context) => {
  const { selection } = table;
  for (const key of ["header", "cookie"] as const) {
    const wanted = selection.endsWith(`${key}-hash`);
    if (wanted === (table[`hash_${key}`] !== undefined)) continue;
    refuse(
      context,
      `hash_${key}`,
      `must be set with selections that hash a ${key}, and no others`,
      ["selection"],
    );
  }
  if (
    table.bounded_load_factor_per_mille !== DEFAULT_LOAD_FACTOR &&
    !selection.startsWith("bounded-load-")
  ) {
    refuse(context, "bounded_load_factor_per_mille", "needs a bounded-load selection", [
      "selection",
    ]);
  }
  if (selection === "least-sessions" && !table.persistence.enabled) {
    refuse(context, "selection", "needs persistence.enabled = true", ["persistence.enabled"]);
  }
});

function refuse(
  context: z.RefinementCtx,
  key: string,
  message: string,
  about: readonly string[],
): void {
  refuseKey(context, { key, message, about });
}

function string(allowed: string, accepts: (text: string) => boolean) {
  return z.string().refine(accepts, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "string", allowed });
}

/** The runtime can allow networks of IPv4 addresses, and single addresses of both kinds. */
function memberRange() {
  return string(
    'an IPv4 network or an address, with or without a port, such as "10.0.0.0/8:8080" or "[fd00::1]:80"',
    (text) => parseMemberRange(text) !== undefined,
  );
}

function token(allowed: string) {
  return string(allowed, isToken);
}

function matcher() {
  return string(
    "a text of 1 to 1024 bytes without control characters",
    (text) => text !== "" && text.length <= 1024 && !hasControl(text),
  );
}

function attribute(start: string, most: number) {
  return string(
    `an attribute of a cookie of 1 to ${most} characters`,
    (text) =>
      text !== "" && text.length <= most && text.startsWith(start) && /^[ -~]*$/.test(text) &&
      !/[;,]/.test(text),
  );
}

function isProbePath(text: string): boolean {
  return text.startsWith("/") && text.length <= 2048 && /^[!-~]*$/.test(text) &&
    !text.includes("#");
}

function command() {
  return string(
    'an absolute path of at most 512 characters without "." and ".."',
    (text) =>
      text.startsWith("/") && text.length <= 512 && !hasControl(text) &&
      !text.split("/").some((part) => part === "." || part === ".."),
  );
}

function statuses(max: number, min: number) {
  return list(status({ min }), { max, unique: "exact" });
}

function ranges(max: number, min: number) {
  const range = z.strictObject({ start: status({ min }), end: status({ min }) })
    .refine(({ start, end }) => start <= end, { error: "must start where it ends, or before" });
  return list(range, { max });
}

/** Fields by name; a probe's own are not for an operator to write. */
function fields(max: number, least: number) {
  const value = string(
    "a field value of at most 1024 characters",
    (text) => text.length >= least && text.length <= 1024 && !hasControl(text),
  );
  return list(z.strictObject({ name: headerName(), value }), { max });
}
