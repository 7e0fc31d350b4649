import assert from "node:assert/strict";
import { fpmSchema } from "../fpm_schema.ts";
import { poolConfig } from "./pool_config.ts";
import { pauseSecs } from "./supervisor.ts";

const FILES = {
  socket: "/run/a.sock",
  config: "/run/a.conf",
  pid: "/run/a.pid",
  log: "/run/a.log",
  slowLog: "/run/a.slow.log",
};

/** Lines of the pool for a table with these keys. */
function lines(keys: Parameters<typeof fpmSchema.parse>[0] & object): string[] {
  return poolConfig(fpmSchema.parse(keys), FILES).split("\n").filter((line) => line !== "");
}

Deno.test("a pool of which nothing is said", () => {
  assert.deepEqual(lines({ mode: "managed" }), [
    "[global]",
    "daemonize = no",
    "pid = /run/a.pid",
    "error_log = /run/a.log",
    "process_control_timeout = 15s",
    "[fluxheim]",
    "listen = /run/a.sock",
    "listen.mode = 0600",
    "pm = static",
    "pm.max_children = 4",
    "pm.max_requests = 1000",
    "clear_env = yes",
    "catch_workers_output = yes",
    "decorate_workers_output = yes",
    "chdir = /",
    "security.limit_extensions = .php",
  ]);
});

Deno.test("a pool of which everything is said", () => {
  const dynamic = lines({
    process_manager: "dynamic",
    workers: 9,
    min_spare_servers: 2,
    max_spare_servers: 5,
    max_spawn_rate: 8,
    listen_owner: "flux",
    listen_group: "flux",
    listen_backlog: -1,
    user: "site",
    group: "site",
    request_terminate_timeout_secs: 30,
    request_terminate_timeout_track_finished: true,
    request_slowlog_timeout_secs: 10,
    request_slowlog_trace_depth: 16,
    session_save_path: "/srv/sessions",
    upload_tmp_dir: "/srv/tmp",
    clear_env: false,
  });
  for (
    const line of [
      "listen.owner = flux",
      "listen.group = flux",
      "listen.backlog = -1",
      "user = site",
      "group = site",
      "pm.start_servers = 3",
      "pm.min_spare_servers = 2",
      "pm.max_spare_servers = 5",
      "pm.max_spawn_rate = 8",
      "request_terminate_timeout = 30s",
      "request_terminate_timeout_track_finished = yes",
      "slowlog = /run/a.slow.log",
      "request_slowlog_timeout = 10s",
      "request_slowlog_trace_depth = 16",
      "clear_env = no",
      "php_value[session.save_path] = /srv/sessions",
      "php_admin_value[upload_tmp_dir] = /srv/tmp",
    ]
  ) assert.ok(dynamic.includes(line), line);
  const ondemand = lines({ process_manager: "ondemand", process_idle_timeout_secs: 7 });
  assert.ok(ondemand.includes("pm.process_idle_timeout = 7s"));
});

for (const path of ["/srv/a\nuser = root", '/srv/"a"', "/srv/a;b", "/srv/${HOME}", "/srv/a b"]) {
  Deno.test(`no directive begins in ${JSON.stringify(path)}`, () => {
    const table = { ...fpmSchema.parse({}), session_save_path: path };
    assert.throws(() => poolConfig(table, FILES), /must not stand/);
  });
}

Deno.test("the pause before a start grows with each failure in a row", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 64].map(pauseSecs), [1, 2, 4, 8, 16, 30, 30]);
});
