/** Rules of `php` tables that span keys (spec 07 sections 2 to 4). @module */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, scopesOf } from "../../gateway/edge_policy.ts";
import { addressProblem, endpointsOf } from "./fpm/endpoint.ts";
import { EXTERNAL_KEYS, type FpmConfig, fpmSchema } from "./fpm_schema.ts";
import { PROCESS_KEYS } from "./managed/process_keys.ts";
import { isWritable } from "./managed/pool_config.ts";
import { MAX_SOCKET_PATH_BYTES } from "../../net/unix_address.ts";
import { managedOf } from "./managed/managed.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { phpOf } from "./table.ts";
import type { PhpConfig } from "./schema.ts";

/** What a `php.fpm` table says that was left out: keys with these values ask for nothing. */
const DEFAULTS: FpmConfig = fpmSchema.parse({});

/** What is wrong with the `php` tables of `config` that are switched on. */
export function checkPhp(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const scope of scopesOf(config)) {
    const { php } = ownTables(scope);
    if (php?.enabled !== true) continue;
    problems.push(
      ...checkTable(php, `${scope.key}.php`),
      ...checkFpm(php, scope, `${scope.key}.php.fpm`),
    );
    problems.push(
      ...sourceAsIndex(
        scope.vhost.web?.index_files ?? [],
        `${scope.key}`,
        scope.route === undefined,
      ),
    );
  }
  return problems;
}

function* checkTable(php: PhpConfig, key: string): Generator<Problem> {
  if (php.root === undefined) {
    yield problem(key, "root", "is required when php is enabled", ["enabled"]);
  }
  const { max_request_body_bytes: limit, request_body_spool_threshold_bytes: threshold } = php;
  if (limit !== undefined && threshold !== undefined && threshold >= limit) {
    yield problem(
      key,
      "request_body_spool_threshold_bytes",
      `must be below max_request_body_bytes, which is ${limit}`,
      ["max_request_body_bytes"],
    );
  }
  const hasDirectory = php.request_body_spool_dir !== undefined;
  if (hasDirectory !== (threshold !== undefined)) {
    const [there, missing] = hasDirectory
      ? ["request_body_spool_dir", "request_body_spool_threshold_bytes"]
      : ["request_body_spool_threshold_bytes", "request_body_spool_dir"];
    yield problem(key, there, `needs ${missing}`, [missing]);
  }
  for (const [i, { status }] of php.error_pages.entries()) {
    if (php.error_pages.findIndex((page) => page.status === status) === i) continue;
    yield problem(
      key,
      `error_pages[${i}].status`,
      `${status} has a page already; each status has at most one`,
    );
  }
  if (php.streaming && php.fpm.retry_statuses.length + Number(php.fpm.retry_invalid_response) > 0) {
    yield problem(
      key,
      "streaming",
      "must not stand beside fpm.retry_statuses or fpm.retry_invalid_response: an answer that has begun " +
        "cannot be taken back",
      ["fpm.retry_statuses", "fpm.retry_invalid_response"],
    );
  }
}

function* checkFpm(php: PhpConfig, scope: RouteScope, key: string): Generator<Problem> {
  const { fpm } = php;
  yield* fpm.mode === "external" ? checkExternal(fpm, key) : checkManaged(php, scope, key);
  if (!fpm.keepalive || fpm.mode === "external") return;
  const terminate = fpm.request_terminate_timeout_secs ?? 0;
  if (terminate > 0 && fpm.idle_timeout_secs >= terminate) {
    yield problem(
      key,
      "idle_timeout_secs",
      `must be below request_terminate_timeout_secs, which is ${terminate}: php-fpm kills workers that wait ` +
        "for the next request of a kept connection as well",
      ["request_terminate_timeout_secs", "keepalive"],
    );
  }
  if (fpm.pool_max_idle >= fpm.workers) {
    yield problem(
      key,
      "pool_max_idle",
      `must be below workers, which is ${fpm.workers}: each kept connection occupies one`,
      ["workers", "keepalive"],
    );
  }
}

function* checkExternal(fpm: FpmConfig, key: string): Generator<Problem> {
  const given = EXTERNAL_KEYS.filter((name) => isSet(fpm, name));
  if (given.length === 0) {
    yield problem(key, "socket", "requires socket, tcp, or tcp_upstreams", [
      "mode",
      ...EXTERNAL_KEYS,
    ]);
  } else if (given.length > 1) {
    yield problem(
      key,
      given[1],
      `must not stand beside ${given[0]}: configure only one of ${EXTERNAL_KEYS.join(", ")}`,
      given,
    );
  }
  for (const name of PROCESS_KEYS) {
    if (!isSet(fpm, name)) continue;
    yield problem(key, name, 'is for a managed php-fpm: it requires mode = "managed"', ["mode"]);
  }
  for (const { endpoint, key: name } of endpointsOf(fpm)) {
    const wrong = addressProblem(endpoint, fpm.allow_private_tcp_upstreams);
    if (wrong !== undefined) yield problem(key, name, wrong, ["allow_private_tcp_upstreams"]);
  }
}

/** Keys that belong to one process manager. */
const DYNAMIC_KEYS = [
  "start_servers",
  "min_spare_servers",
  "max_spare_servers",
  "max_spawn_rate",
] as const;
const ONDEMAND_KEYS = ["process_idle_timeout_secs"] as const;
const PAIRS = [["listen_owner", "listen_group"], ["user", "group"]] as const;
const WRITTEN_PATHS = ["socket_dir", "session_save_path", "upload_tmp_dir"] as const;

function* checkManaged(
  php: PhpConfig,
  scope: RouteScope,
  key: string,
): Generator<Problem> {
  const { fpm } = php;
  for (const name of ["php_fpm_binary", "socket_dir"] as const) {
    if (fpm[name] === undefined) {
      yield problem(key, name, 'is required with mode = "managed"', ["mode"]);
    }
  }
  for (const name of EXTERNAL_KEYS) {
    if (!isSet(fpm, name)) continue;
    yield problem(key, name, "must not be set: a managed php-fpm has its own socket", ["mode"]);
  }
  for (const [one, other] of PAIRS) {
    if ((fpm[one] === undefined) === (fpm[other] === undefined)) continue;
    const [there, missing] = fpm[one] === undefined ? [other, one] : [one, other];
    yield problem(key, there, `needs ${missing}`, [missing]);
  }
  for (const name of WRITTEN_PATHS) {
    const path = fpm[name];
    if (path === undefined || isWritable(path)) continue;
    yield problem(
      key,
      name,
      "must have only letters, digits and / . _ @ % + - in it: php-fpm reads it",
    );
  }
  yield* checkProcessManager(fpm, key);
  const table = phpOf(scope);
  const socket = table && managedOf(table, scope)?.files.socket;
  if (socket !== undefined && socket.length > MAX_SOCKET_PATH_BYTES) {
    yield problem(
      key,
      "socket_dir",
      `is too long: ${socket} must have at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    );
  }
  if (php.max_in_flight > fpm.workers) {
    yield {
      ...problem(
        key,
        "workers",
        `${fpm.workers} is below php.max_in_flight, which is ${php.max_in_flight}: requests wait in php-fpm, ` +
          "and their time limit runs",
      ),
      hint: "set max_in_flight to the number of workers",
      warning: true,
    };
  }
  if (php.allowed_extensions.some((extension) => extension.toLowerCase() !== "php")) {
    yield {
      key: key.replace(/fpm$/, "allowed_extensions"),
      message: "a managed php-fpm executes .php alone: it answers 403 to other extensions",
      about: [`${key}.mode`],
      warning: true,
    };
  }
}

function* checkProcessManager(fpm: FpmConfig, key: string): Generator<Problem> {
  const { process_manager: kind, workers, min_spare_servers: min, max_spare_servers: max } = fpm;
  const foreign = [
    ...(kind === "dynamic" ? [] : DYNAMIC_KEYS),
    ...(kind === "ondemand" ? [] : ONDEMAND_KEYS),
  ];
  for (const name of foreign) {
    if (fpm[name] === undefined) continue;
    yield problem(key, name, `has no meaning with process_manager = "${kind}"`, [
      "process_manager",
    ]);
  }
  if (kind !== "dynamic") return;
  for (const name of ["min_spare_servers", "max_spare_servers"] as const) {
    if (fpm[name] === undefined) {
      yield problem(key, name, 'is required with process_manager = "dynamic"', ["process_manager"]);
    }
  }
  for (const name of ["start_servers", "min_spare_servers", "max_spare_servers"] as const) {
    const value = fpm[name];
    if (value === undefined || value <= workers) continue;
    yield problem(key, name, `must be at most workers, which is ${workers}; found ${value}`, [
      "workers",
    ]);
  }
  if (min !== undefined && max !== undefined && max < min) {
    yield problem(key, "max_spare_servers", `must be at least min_spare_servers, which is ${min}`, [
      "min_spare_servers",
    ]);
  }
  const start = fpm.start_servers;
  if (
    start !== undefined && min !== undefined && max !== undefined && (start < min || start > max)
  ) {
    yield problem(
      key,
      "start_servers",
      `must be from min_spare_servers to max_spare_servers, which are ${min} and ${max}: php-fpm refuses others`,
      ["min_spare_servers", "max_spare_servers"],
    );
  }
}

/** Whether a key says something else than one that was left out. */
function isSet(fpm: FpmConfig, name: keyof FpmConfig): boolean {
  return JSON.stringify(fpm[name]) !== JSON.stringify(DEFAULTS[name]);
}

/** An index file that is a script is not sent, and answers only where PHP finds it first. */
function* sourceAsIndex(
  names: readonly string[],
  key: string,
  isVhost: boolean,
): Generator<Problem> {
  if (!isVhost) return;
  for (const [i, name] of names.entries()) {
    if (!/\.php$/i.test(name)) continue;
    yield {
      key: `${key}.web.index_files[${i}]`,
      message:
        `"${name}" is a script: it is executed by PHP where that is its index, and never sent as a file`,
      hint: "leave it out: php.index names the script that answers for a directory",
      warning: true,
    };
  }
}

function problem(
  table: string,
  name: string,
  message: string,
  about: readonly string[] = [],
): Problem {
  return { key: `${table}.${name}`, message, about: about.map((other) => `${table}.${other}`) };
}
