/** The keys of `php.fpm` that a managed php-fpm is started with. @module */
import type { FpmConfig } from "../fpm_schema.ts";

export type { FpmConfig } from "../fpm_schema.ts";

/** Keys for managed mode alone; external mode refuses them, and a change of one needs another process. */
export const PROCESS_KEYS = [
  "php_fpm_binary",
  "socket_dir",
  "workers",
  "max_requests_per_worker",
  "process_manager",
  "start_servers",
  "min_spare_servers",
  "max_spare_servers",
  "max_spawn_rate",
  "process_idle_timeout_secs",
  "listen_backlog",
  "listen_owner",
  "listen_group",
  "listen_mode",
  "user",
  "group",
  "request_terminate_timeout_secs",
  "request_terminate_timeout_track_finished",
  "request_slowlog_timeout_secs",
  "request_slowlog_trace_depth",
  "clear_env",
  "catch_workers_output",
  "decorate_workers_output",
  "session_save_path",
  "upload_tmp_dir",
  "allow_same_user",
] as const satisfies readonly (keyof FpmConfig)[];
