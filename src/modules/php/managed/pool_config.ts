/**
 * The configuration that a managed php-fpm gets (spec 07 section 19). Every value is checked once more where
 * it is written, so that none can begin a directive of its own.
 *
 * @module
 */
import type { ManagedFiles } from "./files.ts";
import type { FpmConfig } from "./process_keys.ts";

/** Seconds for requests under way, and for what goes on after an answer, when php-fpm ends. */
export const GRACE_SECS = 15;

/** The text of the file. @throws where a value must not be written into it. */
export function poolConfig(fpm: FpmConfig, files: ManagedFiles): string {
  const lines = [
    "[global]",
    "daemonize = no",
    `pid = ${path(files.pid)}`,
    `error_log = ${path(files.log)}`,
    // Without it SIGTERM follows SIGQUIT at once, and ends what goes on after an answer.
    `process_control_timeout = ${GRACE_SECS}s`,
    "",
    "[fluxheim]",
    `listen = ${path(files.socket)}`,
    `listen.mode = ${fpm.listen_mode}`,
    ...option("listen.owner", identity(fpm.listen_owner)),
    ...option("listen.group", identity(fpm.listen_group)),
    ...option("listen.backlog", fpm.listen_backlog),
    ...option("user", identity(fpm.user)),
    ...option("group", identity(fpm.group)),
    ...processManager(fpm),
    `pm.max_requests = ${fpm.max_requests_per_worker}`,
    ...option("request_terminate_timeout", seconds(fpm.request_terminate_timeout_secs)),
    ...(fpm.request_terminate_timeout_track_finished
      ? ["request_terminate_timeout_track_finished = yes"]
      : []),
    ...slowLog(fpm, files),
    `clear_env = ${yesNo(fpm.clear_env)}`,
    `catch_workers_output = ${yesNo(fpm.catch_workers_output)}`,
    `decorate_workers_output = ${yesNo(fpm.decorate_workers_output)}`,
    "chdir = /",
    "security.limit_extensions = .php",
    ...option("php_value[session.save_path]", fpm.session_save_path && path(fpm.session_save_path)),
    ...option("php_admin_value[upload_tmp_dir]", fpm.upload_tmp_dir && path(fpm.upload_tmp_dir)),
  ];
  return lines.join("\n") + "\n";
}

function processManager(fpm: FpmConfig): string[] {
  const { process_manager: kind, workers, min_spare_servers: min, max_spare_servers: max } = fpm;
  const lines = [`pm = ${kind}`, `pm.max_children = ${workers}`];
  if (kind === "ondemand") {
    lines.push(...option("pm.process_idle_timeout", seconds(fpm.process_idle_timeout_secs)));
  }
  if (kind === "dynamic" && min !== undefined && max !== undefined) {
    const start = fpm.start_servers ?? Math.max(1, Math.floor((min + max) / 2));
    lines.push(
      `pm.start_servers = ${start}`,
      `pm.min_spare_servers = ${min}`,
      `pm.max_spare_servers = ${max}`,
      ...option("pm.max_spawn_rate", fpm.max_spawn_rate),
    );
  }
  return lines;
}

function slowLog(fpm: FpmConfig, files: ManagedFiles): string[] {
  const timeout = fpm.request_slowlog_timeout_secs;
  if (timeout === undefined) return [];
  return [
    `slowlog = ${path(files.slowLog)}`,
    `request_slowlog_timeout = ${timeout}s`,
    `request_slowlog_trace_depth = ${fpm.request_slowlog_trace_depth}`,
  ];
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name} = ${value}`];
}

function seconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value}s`;
}

function yesNo(on: boolean): string {
  return on ? "yes" : "no";
}

function path(text: string): string {
  if (isWritable(text)) return text;
  throw new Error(`${JSON.stringify(text)} must not stand in a configuration of php-fpm`);
}

/** Whether a path means itself in a configuration of php-fpm. */
export function isWritable(text: string): boolean {
  return /^\/[A-Za-z0-9/._@%+-]*$/.test(text);
}

function identity(name: string | undefined): string | undefined {
  if (name === undefined || /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$/.test(name)) return name;
  throw new Error(`${JSON.stringify(name)} must not stand in a configuration of php-fpm`);
}
