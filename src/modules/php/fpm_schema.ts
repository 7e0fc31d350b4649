/** The `php.fpm` tables: which php-fpm a vhost or route uses, and how it is spoken to (spec 07 section 4). @module */
import { z } from "zod";
import type { Frozen } from "../../config/frozen.ts";
import { authority, count, filePath, list, secs, valueKinds } from "../../config/schema/values.ts";

/** Most endpoints of one table. */
const MAX_ENDPOINTS = 64;
const MAX_RETRY_METHODS = 16;
const MAX_RETRY_STATUSES = 100;

/** Methods that may be asked again after a part of the request was sent: those without effect. */
const RETRY_METHODS = ["GET", "HEAD", "OPTIONS", "TRACE"] as const;

/** Workers of a managed pool, unless `workers` says how many. */
const DEFAULT_WORKERS = 4;

/** Keys for either mode. */
const shared = {
  mode: z.enum(["external", "managed"]).default("external")
    .describe("Who runs php-fpm: the system, or the gateway."),
  connect_timeout_secs: secs().optional()
    .describe(
      "Longest time to connect, at most `request_timeout_secs`; also how long a managed php-fpm may " +
        "take to start.",
    ),
  read_timeout_secs: secs().optional()
    .describe("Longest silence of php-fpm, where that is less than `request_timeout_secs`."),
  write_timeout_secs: secs().optional()
    .describe("The same while the request is sent."),
  keepalive: z.boolean().default(false)
    .describe(
      "Keep connections to php-fpm. Each one occupies a worker of the pool; not for applications that " +
        "work on after `fastcgi_finish_request()`.",
    ),
  pool_max_idle: count({ min: 1, max: 1024 }).default(8)
    .describe("Most idle connections to each endpoint, over all workers of the gateway."),
  idle_timeout_secs: secs().default(60)
    .describe(
      "Idle connections are closed after this time; it must be below `request_terminate_timeout`.",
    ),
  max_retries: count({ max: 10 }).default(0)
    .describe("Further attempts of requests with a method of `retry_methods`."),
  retry_timeout_secs: secs().optional()
    .describe("No further attempt begins after this time."),
  retry_methods: list(z.enum(RETRY_METHODS), { max: MAX_RETRY_METHODS, unique: "exact" })
    .default(["GET", "HEAD", "OPTIONS"])
    .describe("Methods that are repeated; others move on only when nothing was sent."),
  retry_invalid_response: z.boolean().default(false)
    .describe("Repeat requests whose answer is malformed or matches `stderr_failure_patterns`."),
  retry_statuses: list(count({ min: 500, max: 599 }), { max: MAX_RETRY_STATUSES, unique: "exact" })
    .default([])
    .describe("Repeat requests that PHP answers with one of these."),
};

/** Keys for a php-fpm that the system runs. */
const external = {
  socket: filePath({ trustedParent: true }).optional().describe("Unix socket of php-fpm."),
  tcp: authority().optional().describe("TCP address of php-fpm."),
  tcp_upstreams: list(authority(), { max: MAX_ENDPOINTS, unique: "nocase" }).default([])
    .describe("TCP addresses of several, asked in turn."),
  allow_private_tcp_upstreams: z.boolean().default(false)
    .describe("Allow loopback, private and link-local addresses. Host names need no permission."),
};

/** Keys for a php-fpm that the gateway runs. */
const managed = {
  php_fpm_binary: filePath({ trustedParent: true }).optional()
    .describe(
      "The program; required, absolute, no symbolic link: `/usr/sbin/php-fpm8.2`, not " +
        "`/usr/sbin/php-fpm`.",
    ),
  socket_dir: filePath({ trustedParent: true }).optional()
    .describe("Directory of its socket, configuration, process id and log; required."),
  workers: count({ min: 1, max: 256 }).default(DEFAULT_WORKERS)
    .describe("Most requests at a time: `pm.max_children`."),
  max_requests_per_worker: count({ max: 1_000_000 }).default(1000)
    .describe("Requests after which a worker is replaced; 0: never."),
  process_manager: z.enum(["static", "dynamic", "ondemand"]).default("static")
    .describe("When workers are started."),
  start_servers: count({ min: 1, max: 256 }).optional()
    .describe("`dynamic`: workers at the start; unset: between the two that follow."),
  min_spare_servers: count({ min: 1, max: 256 }).optional()
    .describe("`dynamic`, required there: fewest idle workers."),
  max_spare_servers: count({ min: 1, max: 256 }).optional()
    .describe("`dynamic`, required there: most idle workers."),
  max_spawn_rate: count({ min: 1, max: 1024 }).optional()
    .describe("`dynamic`: most workers started at once."),
  process_idle_timeout_secs: secs({ min: 0 }).optional()
    .describe("`ondemand`: idle workers end after this time."),
  listen_backlog: z.int().min(-1).max(65_535).register(valueKinds, { type: "integer" }).optional()
    .describe("Connections that may wait for a worker; -1: as many as the system allows."),
  listen_owner: identity().optional()
    .describe("Owner of the socket, where the gateway runs as root; with `listen_group`."),
  listen_group: identity().optional().describe("Its group; with `listen_owner`."),
  listen_mode: z.enum(["0600", "0660"]).default("0600").describe("Mode of the socket."),
  user: identity().optional()
    .describe("User of the workers, where the gateway runs as root; with `group`."),
  group: identity().optional().describe("Their group; with `user`."),
  request_terminate_timeout_secs: secs({ min: 0 }).optional()
    .describe("Workers that take longer are killed; 0: never."),
  request_terminate_timeout_track_finished: z.boolean().default(false)
    .describe("That counts work after `fastcgi_finish_request()`, too."),
  request_slowlog_timeout_secs: secs({ min: 0 }).optional()
    .describe("Scripts that take longer are written to the slow log."),
  request_slowlog_trace_depth: count({ min: 1, max: 512 }).default(20)
    .describe("Depth of its traces."),
  clear_env: z.boolean().default(true).describe("Workers get no environment."),
  catch_workers_output: z.boolean().default(true)
    .describe("What workers print goes to the log of php-fpm."),
  decorate_workers_output: z.boolean().default(true).describe("With a prefix."),
  session_save_path: filePath({ trustedParent: true }).optional()
    .describe("Directory for sessions; made with mode 0700 where it is missing."),
  upload_tmp_dir: filePath({ trustedParent: true }).optional()
    .describe("Directory for uploads; made with mode 0700 where it is missing."),
  allow_same_user: z.boolean().default(false)
    .describe(
      "Allow sites to run as a user that can read the secrets of the gateway. Ours, not in the 1.5 line.",
    ),
};

/** Keys of external mode, which managed mode refuses. */
export const EXTERNAL_KEYS = ["socket", "tcp", "tcp_upstreams"] as const;

/** `[vhosts.php.fpm]` and `[vhosts.routes.php.fpm]`. */
export const fpmSchema = z.strictObject({ ...shared, ...external, ...managed });

/** A checked `php.fpm` table. */
export type FpmConfig = Frozen<z.output<typeof fpmSchema>>;

/** A user or group, as php-fpm takes it. */
function identity() {
  const allowed =
    "1 to 64 letters, digits, dots, hyphens or underscores, not beginning with a hyphen";
  return z.string().regex(/^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$/, { error: `must be ${allowed}` })
    .register(valueKinds, { type: "user or group", allowed });
}
