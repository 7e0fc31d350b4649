/**
 * The `[server]` table (spec 01 section 2).
 *
 * @module
 */
import { z } from "zod";
import { parseNetwork } from "../../net/ip.ts";
import { UNIX } from "../../net/unix_address.ts";
import { inertKeys } from "./remarks.ts";
import {
  byteSize,
  count,
  enumWord,
  fileMode,
  filePath,
  headerName,
  label,
  list,
  listener,
  listenerOrSocket,
  port,
  redirectStatus,
  valueKinds,
} from "./values.ts";

const MAX_LISTENERS = 64;
/** What a worker's tables are made for; also bounds `server.limits.max_vhosts`. */
export const MAX_VHOSTS = 65_536;
const DEFAULT_MAX_VHOSTS = 1024;
const MAX_TRUSTED_PROXIES = 512;
/** Largest user or group id; the one above it means none (chown(2)). */
const MAX_ID = 2 ** 32 - 2;
/** A trusted prefix shorter than this trusts more of the internet than any one operator owns. */
const MIN_TRUSTED_BITS_V4 = 8;
const MIN_TRUSTED_BITS_V6 = 29;

const RUN_DIRECTORY = "/run/fluxheim";

/** `server.process.pid_file` where no configuration says another. */
export const DEFAULT_PID_FILE = `${RUN_DIRECTORY}/fluxheim.pid`;

/** `[server.limits]`: bounds of a request, and of connections. */
const limits = z.strictObject({
  max_request_header_bytes: byteSize().default(64 * 1024)
    .describe("Most bytes of a whole request head; a longer one is answered 431."),
  max_uri_bytes: byteSize().default(8 * 1024)
    .describe("Most bytes of a request target; a longer one is answered 414."),
  strict_targets: z.boolean().default(false)
    .describe(
      "Refuse (400) targets with characters that RFC 3986 does not have in them and that browsers send " +
        "all the same: `[` and `]` in paths; `[ ] { } | ^`, the backtick and a `%` without two " +
        "hexadecimal digits in queries.",
    ),
  max_request_headers: count({ min: 1 }).default(100)
    .describe(
      "Most header fields of a request, each duplicate counted; more are answered 431. Cookies in several fields over HTTP/2 are one.",
    ),
  max_request_body_bytes: byteSize().default(16 * 1024 * 1024)
    .describe(
      "Most bytes of a request body where neither the route nor the vhost sets a limit of its own; " +
        "a longer one is answered 413.",
    ),
  max_connections: count({ min: 1, max: 1_000_000 }).default(20_000)
    .describe(
      "Most open connections of one listener over all workers; one more is closed at once and counted.",
    ),
  max_vhosts: count({ min: 1, max: MAX_VHOSTS }).default(DEFAULT_MAX_VHOSTS)
    .describe("Most `[[vhosts]]` of a configuration. Each costs memory in every worker."),
});

/** `[server.unix]`: the files of unix listeners. */
const unix = z.strictObject({
  mode: fileMode().default("0660").describe(
    "Permissions of the sockets in `listen`: who may write one may connect to it.",
  ),
  owner: count({ max: MAX_ID }).optional().describe(
    "Numeric user id of the sockets; the service user unless set. Only root can give them to another.",
  ),
  group: count({ max: MAX_ID }).optional().describe(
    "Numeric group id of the sockets, one the service user is a member of; its own group unless set.",
  ),
});

/** `[server.https_redirect]`: cleartext requests are sent to HTTPS. */
const httpsRedirect = z.strictObject({
  enabled: z.boolean().default(false)
    .describe(
      "Redirect requests that arrived on a cleartext listener. Needs at least one `tls_listen`.",
    ),
  status: redirectStatus().default(308).describe("Status of the redirect."),
  target_port: port().optional().describe("Port to put into the URL, unless it is 443."),
});

/** `[server.host_routing]`: what happens to hosts that no vhost serves. */
const hostRouting = z.strictObject({
  strict: z.boolean().default(false)
    .describe(
      "Refuse requests whose host is missing (400) or unknown (421) instead of giving them to the " +
        "default vhost. An invalid host is refused in any case.",
    ),
});

const MAX_THREADS = 1024;

/** Asked once: it must not change between a start and a reload. */
const PROCESSORS = Math.min(Math.max(navigator.hardwareConcurrency, 1), MAX_THREADS);

function threadCount() {
  return z.union([z.literal("auto"), z.int().min(1).max(MAX_THREADS)], {
    error: `must be a whole number from 1 to ${MAX_THREADS}, or "auto"`,
  }).transform((value) => value === "auto" ? PROCESSORS : value)
    .register(valueKinds, {
      type: 'integer or `"auto"`',
      allowed: `from 1 to ${MAX_THREADS}`,
      isNumber: true,
    });
}

/** `[server.process]`: threads, files and shutdown of the process. */
const process = z.strictObject({
  daemon: z.boolean().default(false)
    .describe("Detach after start. Refused at start here: run under a supervisor instead."),
  error_log: processPath().optional().register(inertKeys, {
    because: "no process detaches itself here",
    instead: "use logging.file",
  }).describe(
    "Error log of a process that detaches itself. Checked, but without effect: use `logging.file`.",
  ),
  pid_file: processPath().default(DEFAULT_PID_FILE)
    .describe("Where the process id is written."),
  notify_socket: processPath().optional().describe(
    "Socket on which systemd learns that the gateway serves, and that it stops: `/run/systemd/notify`, " +
      "for units with `Type=notify`. It must be the one in `$NOTIFY_SOCKET`; without that variable " +
      "nothing is sent. Ours.",
  ),
  upgrade_sock: processPath().default(`${RUN_DIRECTORY}/fluxheim-upgrade.sock`)
    .register(inertKeys, {
      because: "listeners are not handed over to a new process",
      instead: "leave it out: what a reload cannot change needs a restart",
    }).describe("Socket of a process upgrade. Reserved: checked, but no listener is handed over."),
  certificate_reload_sock: processPath().default(`${RUN_DIRECTORY}/fluxheim-cert-reload.sock`)
    .describe(
      "Unix socket that takes `reload-certificates`. There only while managed certificates are on " +
        "(`tls.acme.enabled`). SIGHUP takes new certificates up in every build.",
    ),
  threads: threadCount().default(1).describe(
    'How many workers serve requests; `"auto"` (ours) for as many as the process may use processors.',
  ),
  listener_tasks_per_fd: count({ min: 1, max: 1024 }).default(1)
    .register(inertKeys, {
      because: "every worker accepts on every listener",
      instead: "set server.process.threads, the number of workers",
    }).describe("Parallel acceptors of a listener. Advisory: every worker has one."),
  work_stealing: z.boolean().default(true)
    .register(inertKeys, {
      because: "the kernel spreads connections over the workers",
      instead: "leave it out",
    }).describe("Scheduler hint. Advisory: the kernel spreads connections over the workers."),
  upstream_keepalive_pool_size: count({ min: 1, max: 16_384 }).default(128)
    .describe("Most idle upstream connections kept for one proxy table."),
  max_retries: count({ max: 1024 }).default(16)
    .describe("Hard ceiling of upstream retries of one request."),
  grace_period_seconds: count({ min: 1 }).optional()
    .describe("Seconds between the stop signal and the start of draining. Unset: none."),
  graceful_shutdown_timeout_seconds: count({ min: 1 }).optional()
    .describe("Seconds that draining may take. Unset: 30."),
});

/** `[server]`. */
export const serverSchema = z.strictObject({
  listen: list(listenerOrSocket(), { max: MAX_LISTENERS }).default(["127.0.0.1:8080"]).describe(
    "Cleartext HTTP listeners. The path of a unix socket is absolute or begins at the directory of its configuration file.",
  ),
  tls_listen: list(listener(), { max: MAX_LISTENERS }).default([])
    .describe("HTTPS listeners. Need `tls.enabled` and a fallback certificate."),
  default_vhost: label().optional()
    .describe("Name of the vhost that takes requests no other one does. Unset: the first vhost."),
  trusted_proxies: list(trustedProxy(), { max: MAX_TRUSTED_PROXIES }).default([])
    .describe(
      "Peers whose forwarding information is believed; `unix:` stands for all that connect to a unix socket. " +
        "Fragments add to this list.",
    ),
  real_ip_header: headerName().default("x-forwarded-for").describe(
    "Header in which `trusted_proxies` name the client: a chain in `x-forwarded-for`, one address in any " +
      "other (`cf-connecting-ip`, `true-client-ip`). Ours, not in the 1.5 line.",
  ),
  proxy_protocol: enumWord(["off", "v1", "v2"]).default("off")
    .describe(
      "PROXY header that every connection must begin with. Needs `trusted_proxies`.",
    ),
  regex_enabled: z.boolean().default(false)
    .describe("Allow routes to match by `path_regex`."),
  host_routing: hostRouting.prefault({}),
  limits: limits.prefault({}),
  unix: unix.prefault({}),
  https_redirect: httpsRedirect.prefault({}),
  process: process.prefault({}),
});

function processPath() {
  return filePath({ trustedParent: true, process: true });
}

/** An address or canonical prefix that is narrow enough to be believed (spec 01 sections 1.7, 2). */
function trustedProxy() {
  const allowed = `an IP address or network such as "192.0.2.7" or "10.0.0.0/8", or "${UNIX}"`;
  return z.string().superRefine((value, context) => {
    const wrong = whyNotTrusted(value);
    if (wrong !== undefined) context.addIssue({ code: "custom", input: value, message: wrong });
  }).register(valueKinds, {
    type: "IP matcher",
    allowed: "network address, /8 or longer (IPv6: /29 or longer), or `unix:`",
  });

  function whyNotTrusted(value: string): string | undefined {
    if (value === UNIX) return undefined;
    const network = parseNetwork(value);
    if (network === undefined) return `must be ${allowed}`;
    const least = network.family === 4 ? MIN_TRUSTED_BITS_V4 : MIN_TRUSTED_BITS_V6;
    if (network.prefix < least) {
      return `must be a network with a prefix of /${least} or longer`;
    }
    if (!network.canonical) return "must be a network address, with no bits set behind the prefix";
    if (network.words.every((word) => word === 0)) return "must be an address other than all zeros";
    return undefined;
  }
}
