/**
 * PHP beside nginx with the same php-fpm, which has the clients' core.
 *
 * @module
 */
import { PHP_FPM, PhpFpm } from "../testing/php_fpm.ts";
import type { TempDir } from "../testing/peer.ts";
import { Browser } from "../php/browser.ts";
import { MariaDb, missingForDatabase } from "../php/database.ts";
import { configure, install, installTree, missingForWordPress } from "../php/wordpress.ts";
import type { Contest, Measure, Scenario } from "./contest.ts";
import { h2load, pin, residentKib, wrk } from "./load.ts";
import { fluxheim, nginxRunning, type Server } from "./servers.ts";

const SCRIPTS = {
  "hello.php": "<?php echo 'hello, world';",
  "big.php": "<?php echo str_repeat('x', 1048576);",
  "size.php": "<?php echo strlen(file_get_contents('php://input'));",
};

/** Both servers for the scripts below `root`. */
async function contest(
  dir: TempDir,
  { fpm, root, helpers, measure }: {
    fpm: PhpFpm;
    root: string;
    helpers: readonly Server[];
    measure: Measure;
  },
): Promise<Contest> {
  await pin(fpm.pid);
  // nginx's workers are another user.
  Deno.chmodSync(fpm.dir.path, 0o755);
  Deno.chmodSync(fpm.socket, 0o666);
  const ours = await fluxheim(
    dir,
    `[server]
listen = ["127.0.0.1:{port}"]
[logging]
level = "warn"
[logging.access]
enabled = false
[[vhosts]]
name = "bench"
hosts = ["127.0.0.1"]
max_request_body_bytes = "128MiB"
[vhosts.php]
enabled = true
root = "${root}"
max_in_flight = 64
max_request_body_bytes = "128MiB"
max_response_bytes = "8MiB"
request_body_spool_dir = "${dir.path}/spool"
request_body_spool_threshold_bytes = "1MiB"
[vhosts.php.fpm]
socket = "${fpm.socket}"
`,
  );
  const theirs = await nginxRunning(
    dir,
    `client_max_body_size 128m;
server { listen 127.0.0.1:{port}; root ${root}; index index.php;
  location / { try_files $uri $uri/ /index.php?$args; }
  location ~ \\.php$ {
    fastcgi_pass unix:${fpm.socket};
    fastcgi_buffers 130 8k; fastcgi_max_temp_file_size 0;
    ${PARAMS.map((line) => `fastcgi_param ${line};`).join("\n    ")}
  } }`,
  );
  return { servers: [ours, theirs], helpers, measure };
}

/** What Debian's fastcgi.conf has. */
const PARAMS = [
  "SCRIPT_FILENAME $document_root$fastcgi_script_name",
  "QUERY_STRING $query_string",
  "REQUEST_METHOD $request_method",
  "CONTENT_TYPE $content_type",
  "CONTENT_LENGTH $content_length",
  "SCRIPT_NAME $fastcgi_script_name",
  "REQUEST_URI $request_uri",
  "DOCUMENT_URI $document_uri",
  "DOCUMENT_ROOT $document_root",
  "SERVER_PROTOCOL $server_protocol",
  "REQUEST_SCHEME $scheme",
  "GATEWAY_INTERFACE CGI/1.1",
  "SERVER_SOFTWARE nginx/$nginx_version",
  "REMOTE_ADDR $remote_addr",
  "REMOTE_PORT $remote_port",
  "SERVER_ADDR $server_addr",
  "SERVER_PORT $server_port",
  "SERVER_NAME $host",
  "REDIRECT_STATUS 200",
];

async function scripts(dir: TempDir, measure: Measure): Promise<Contest> {
  const fpm = await PhpFpm.start(SCRIPTS, { workers: 16 });
  const helper = { name: "php-fpm", port: 0, process: fpm };
  return await contest(dir, { fpm, root: fpm.root, helpers: [helper], measure });
}

const url = (server: Server, path: string) => `http://127.0.0.1:${server.port}${path}`;

async function wordpress(dir: TempDir, seconds: number): Promise<Contest> {
  const db = await MariaDb.start();
  await db.create("wp");
  await installTree(dir);
  const fpm = await PhpFpm.start({}, { workers: 4 });
  const helpers = [
    { name: "php-fpm", port: 0, process: fpm },
    { name: "mariadb", port: 0, process: db },
  ];
  await pin(db.pid);
  const running = await contest(dir, {
    fpm,
    root: `${dir.path}/www`,
    helpers,
    measure: (server) => wrk(url(server, "/"), { seconds, connections: 4 }),
  });
  // One site that has the address that it is asked at.
  configure(dir, "http://' . $_SERVER['HTTP_HOST'] . '", "wp", db);
  await install(new Browser(`http://127.0.0.1:${running.servers[0].port}`));
  return running;
}

/** Resident memory that an upload of 64 MiB has cost, in KiB, when it is over. */
async function uploadKib(server: Server): Promise<number> {
  const before = await residentKib(server.process.pid);
  const body = new Uint8Array(64 * 1024 * 1024);
  const response = await fetch(url(server, "/size.php"), { method: "POST", body });
  const text = await response.text();
  if (text !== String(body.length)) throw new Error(`${response.status} ${text}`);
  return await residentKib(server.process.pid) - before;
}

/** PHP; nothing where there is none here. */
export const PHP: readonly Scenario[] = PHP_FPM === undefined ? [] : [
  {
    name: "php-hello",
    unit: "req/s",
    wanted: { nginx: 0.95 },
    start: (dir, seconds) =>
      scripts(dir, (server) => wrk(url(server, "/hello.php"), { seconds, connections: 16 })),
  },
  {
    name: "php-1mib",
    unit: "req/s",
    wanted: { nginx: 1 },
    start: (dir, seconds) =>
      scripts(
        dir,
        (server) => h2load(url(server, "/big.php"), { seconds, connections: 8, h1: true }),
      ),
  },
  {
    name: "php-upload-64mib",
    unit: "KiB",
    wanted: {},
    start: (dir) => scripts(dir, uploadKib),
  },
  ...(missingForWordPress().length + missingForDatabase().length > 0 ? [] : [
    {
      name: "wordpress-front",
      unit: "req/s",
      wanted: { nginx: 1 },
      start: wordpress,
    } as const,
  ]),
];
