import assert from "node:assert/strict";
import { formatProblem } from "../../config/problems/problems.ts";
import { contextOf, needsOf, vhostScope } from "../../gateway/testing/modules.ts";
import { fileRule } from "./file_rule.ts";
import { module } from "./module.ts";
import { loaded } from "./testing/app.ts";

/** A vhost with these keys of `[vhosts.php]`. */
function vhost(php: string, more = ""): string {
  return `[[vhosts]]
name = "a"
hosts = ["a.test"]
${more}
[vhosts.php]
${php}`;
}

const BASE = 'enabled = true\nroot = "/srv/app"\nfpm.socket = "/run/php/fpm.sock"';

function problemsOf(text: string): string[] {
  return loaded(text).problems.map(formatProblem);
}

for (
  const [name, keys, expected] of [
    ["no root", 'enabled = true\nfpm.socket = "/run/a"', /php\.root .*is required/],
    ["no endpoint", 'enabled = true\nroot = "/srv"', /requires socket, tcp, or tcp_upstreams/],
    [
      "two endpoints",
      `${BASE}\nfpm.tcp = "php.test:9000"`,
      /fpm\.tcp .*configure only one of/,
    ],
    [
      "a loopback address",
      'enabled = true\nroot = "/srv"\nfpm.tcp = "127.0.0.1:9000"',
      /allow_private_tcp/,
    ],
    [
      "an address that no server has",
      'enabled = true\nroot = "/srv"\nfpm.allow_private_tcp_upstreams = true\nfpm.tcp = "0.0.0.0:9000"',
      /must not be an unspecified/,
    ],
    [
      "an endpoint twice",
      'enabled = true\nroot = "/srv"\nfpm.tcp_upstreams = ["a.test:1", "A.test:1"]',
      /tcp_upstreams\[1\]/,
    ],
    ["managed keys in external mode", `${BASE}\nfpm.workers = 5`, /fpm\.workers .*requires mode/],
    ["an unknown key", `${BASE}\nfpm.worker = 5`, /fpm\.worker/],
    [
      "a name that the gateway sets",
      `${BASE}\nparams.SCRIPT_FILENAME = "x"`,
      /params\.SCRIPT_FILENAME .*the gateway does/,
    ],
    [
      "ini settings for each request",
      `${BASE}\nparams.PHP_ADMIN_VALUE = "x"`,
      /pool's configuration/,
    ],
    ["a header as a parameter", `${BASE}\nparams.HTTP_X = "x"`, /params\.HTTP_X/],
    ["a parameter with a line break", `${BASE}\nparams.X = "a\\nb"`, /params\.X/],
    ["POST to be repeated", `${BASE}\nfpm.retry_methods = ["POST"]`, /retry_methods\[0\]/],
    [
      "an extension with a dot",
      `${BASE}\nallowed_extensions = [".php"]`,
      /allowed_extensions\[0\]/,
    ],
    ["an index in a directory", `${BASE}\nindex = "a/index.php"`, /php\.index/],
    [
      "a spool without a threshold",
      `${BASE}\nrequest_body_spool_dir = "/srv/spool"`,
      /needs request_body_spool_threshold_bytes/,
    ],
    [
      "a threshold above the limit",
      `${BASE}\nmax_request_body_bytes = 10\nrequest_body_spool_threshold_bytes = 10\nrequest_body_spool_dir = "/srv/spool"`,
      /must be below max_request_body_bytes/,
    ],
    [
      "a deny prefix that climbs",
      `${BASE}\ndeny_path_prefixes = ["/a/../b"]`,
      /deny_path_prefixes\[0\]/,
    ],
    [
      "two pages for a status",
      `${BASE}\n${
        '[[vhosts.php.error_pages]]\nstatus = 404\npath = "/x"\nweb.root = "/srv"\n'.repeat(2)
      }`,
      /error_pages\[1\]\.status .*404 has a page already/,
    ],
    [
      "an answer of more than 64 MiB",
      `${BASE}\nmax_response_bytes = "65MiB"`,
      /max_response_bytes/,
    ],
    [
      "streams that are taken back",
      `${BASE}\nstreaming = true\nfpm.retry_statuses = [503]`,
      /php\.streaming/,
    ],
  ] as const
) {
  Deno.test(`${name} is refused`, () => {
    const found = problemsOf(vhost(keys));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

Deno.test("a table that is off says nothing, but for keys that do not exist", () => {
  assert.deepEqual(problemsOf(vhost("enabled = false")), []);
  assert.match(problemsOf(vhost("enabled = false\nnone = 1"))[0], /php\.none/);
});

Deno.test("a route's php must be switched on", () => {
  const text = `[[vhosts]]\nname = "a"\nhosts = ["a.test"]
[[vhosts.routes]]\nname = "r"\npath_prefix = "/"\n[vhosts.routes.php]\nenabled = false\n`;
  assert.match(problemsOf(text)[0], /must be enabled to be a route's action/);
});

Deno.test("the preset adds what is missing and takes nothing away", () => {
  const { config } = loaded(
    vhost(`${BASE}\npreset = "wordpress"\ndeny_path_prefixes = ["/files/", "/x/"]`),
  );
  const php = config?.vhosts[0].php;
  assert.equal(php?.try_files, "wordpress");
  assert.deepEqual(php?.deny_path_prefixes, [
    "/files/",
    "/x/",
    "/wp-content/uploads/",
    "/wp-content/blogs.dir/",
    "/blogs.dir/",
    "/uploads/",
  ]);
  const strict = loaded(vhost(`${BASE}\npreset = "wordpress"\ntry_files = "strict"`)).config;
  assert.equal(strict?.vhosts[0].php?.try_files, "strict");
});

Deno.test('path_info = "strict" is another word for "split"', () => {
  assert.equal(
    loaded(vhost(`${BASE}\npath_info = "strict"`)).config?.vhosts[0].php?.path_info,
    "split",
  );
});

Deno.test("an index file that is a script is a warning", () => {
  const web = '[vhosts.web]\nroot = "/srv/app"\nindex_files = ["index.html", "index.php"]';
  const [problem] = loaded(vhost(BASE, web)).problems;
  assert.equal(problem.key, "vhosts[0].web.index_files[1]");
  assert.equal(problem.warning, true);
});

Deno.test("workers may reach exactly what the table names", () => {
  const text = vhost(
    `${BASE}\nrequest_body_spool_threshold_bytes = 1\nrequest_body_spool_dir = "/srv/spool"`,
  );
  const { config } = loaded(text);
  assert.ok(config !== undefined);
  const { grants = {} } = needsOf(module, config);
  const edge = (kind: "net" | "read" | "write") =>
    (grants[kind] ?? []).filter((grant) => grant.for === "edge").map(({ value }) => value);
  assert.deepEqual(edge("net"), ["unix:/run/php/fpm.sock"]);
  assert.deepEqual(edge("read"), ["/srv/app", "/run/php/fpm.sock", "/srv/spool"]);
  assert.deepEqual(edge("write"), ["/run/php/fpm.sock", "/srv/spool"]);
  assert.deepEqual(grants.run, []);
  contextOf(config, [module]);
});

Deno.test("source is sent by no static handler of the vhost, also while PHP is off", () => {
  const { config } = loaded(vhost('enabled = false\nallowed_extensions = ["php", "tpl"]'));
  assert.ok(config !== undefined);
  const rule = fileRule(vhostScope(config));
  for (
    const name of [
      "/index.php",
      "/INDEX.PHP",
      "/a/b.php.gz",
      "/a.php~",
      "/a.php.bak",
      "/lib.inc",
      "/a.phtml",
      "/x.phar",
      "/x.TPL",
    ]
  ) assert.equal(rule?.forbids(name), true, name);
  for (const name of ["/style.css", "/php", "/php.html", "/jquery.inc.js", "/.well-known/x"]) {
    assert.equal(rule?.forbids(name), false, name);
  }
});

Deno.test("static files may be denied, or allowed below some paths only", () => {
  const rule = (keys: string) => fileRule(vhostScope(loaded(vhost(`${BASE}\n${keys}`)).config!));
  const denies = rule('static_deny_prefixes = ["/storage"]');
  assert.deepEqual(["/storage/a.txt", "/storage2/a.txt"].map((name) => denies?.forbids(name)), [
    true,
    false,
  ]);
  const allows = rule('static_allow_prefixes = ["/assets/"]');
  assert.deepEqual(["/assets/a.css", "/a.css"].map((name) => allows?.forbids(name)), [false, true]);
});

const MANAGED = `enabled = true
root = "/srv/app"
max_in_flight = 4
[vhosts.php.fpm]
mode = "managed"
php_fpm_binary = "/usr/sbin/php-fpm8.2"
socket_dir = "/run/fluxheim-php"
`;

for (
  const [name, keys, expected] of [
    ["a socket beside a managed php-fpm", 'socket = "/run/a"', /fpm\.socket .*its own socket/],
    ["keys of another process manager", "min_spare_servers = 1", /min_spare_servers .*no meaning/],
    [
      "an idle time without ondemand",
      "process_idle_timeout_secs = 1",
      /no meaning with process_manager = "static"/,
    ],
    [
      "dynamic without its bounds",
      'process_manager = "dynamic"\nmax_spare_servers = 2',
      /min_spare_servers .*is required/,
    ],
    [
      "more spare ones than workers",
      'process_manager = "dynamic"\nmin_spare_servers = 1\nmax_spare_servers = 5',
      /at most workers/,
    ],
    [
      "fewer at most than at least",
      'process_manager = "dynamic"\nmin_spare_servers = 3\nmax_spare_servers = 2',
      /at least min_spare_servers/,
    ],
    ["a user without a group", 'user = "www"', /fpm\.user .*needs group/],
    ["an owner without a group", 'listen_owner = "www"', /needs listen_group/],
    ["a user that is an option", 'user = "-x"\ngroup = "x"', /fpm\.user/],
    [
      "a path that php-fpm would read otherwise",
      'session_save_path = "/srv/a;b"',
      /session_save_path/,
    ],
    ["a socket that anyone may use", 'listen_mode = "0666"', /listen_mode/],
    [
      "as many kept connections as workers",
      "keepalive = true\nidle_timeout_secs = 5",
      /pool_max_idle .*must be below workers/,
    ],
    [
      "idle connections that php-fpm kills",
      "keepalive = true\npool_max_idle = 2\nrequest_terminate_timeout_secs = 30",
      /idle_timeout_secs .*below request_terminate_timeout_secs/,
    ],
    ["a directory with a long name", `socket_dir_ = "x"`, /socket_dir_/],
  ] as const
) {
  Deno.test(`managed: ${name} is refused`, () => {
    const found = problemsOf(vhost(`${MANAGED}${keys}\n`));
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

Deno.test("managed: what is missing is named", () => {
  const text = vhost('enabled = true\nroot = "/srv/app"\nmax_in_flight = 1\nfpm.mode = "managed"');
  assert.match(problemsOf(text).join("\n"), /php_fpm_binary[\s\S]*socket_dir/);
});

Deno.test("managed: a socket whose path does not fit is refused", () => {
  const text = vhost(MANAGED.replace("/run/fluxheim-php", `/run/${"d".repeat(90)}`));
  assert.match(problemsOf(text).join("\n"), /socket_dir .*is too long/);
});

Deno.test("managed: more requests than workers are a warning", () => {
  const [problem] = loaded(vhost(MANAGED.replace("max_in_flight = 4", ""))).problems;
  assert.equal(problem.key, "vhosts[0].php.fpm.workers");
  assert.equal(problem.warning, true);
});

Deno.test("managed: the service may run that program and no other, workers none", () => {
  const { config } = loaded(vhost(MANAGED));
  assert.ok(config !== undefined);
  const { grants = {} } = needsOf(module, config);
  const values = (kind: "net" | "read" | "write" | "run", role: string) =>
    (grants[kind] ?? []).filter((grant) => grant.for === role).map(({ value }) => value);
  assert.deepEqual(values("run", "php"), ["/usr/sbin/php-fpm8.2", "/bin/kill"]);
  assert.deepEqual(values("run", "edge"), []);
  assert.deepEqual(values("write", "php"), ["/run/fluxheim-php"]);
  const [socket] = values("net", "php");
  assert.match(socket, /^unix:\/run\/fluxheim-php\/fh-fpm-[0-9a-f]{16}\.sock$/);
  assert.deepEqual(values("net", "edge"), [socket]);
  assert.deepEqual(values("write", "edge"), [socket.slice("unix:".length)]);
});
