/**
 * The programs that are measured side by side, each with a configuration for the same job: one core,
 * no access log, kept connections on both sides.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { find, freePort, type Process, type TempDir } from "../testing/peer.ts";
import { type Build, launchArguments } from "../testing/gateway.ts";
import { CLIENT_CORE, SERVER_CORE, startPinned } from "./load.ts";

/** One program at work. */
export interface Server {
  readonly name: string;
  readonly port: number;
  readonly process: Process;
}

/** What the programs are to do. */
export type Job =
  | { readonly kind: "proxy"; readonly origin: number }
  | { readonly kind: "static"; readonly root: string };

/** Idle connections to the upstream that a program keeps: more than are ever in use. */
const KEPT = 2048;

/** Paths of certificate and key for jobs over TLS. */
export interface KeyPairFiles {
  readonly cert: string;
  readonly key: string;
}

/** An nginx on the clients' core that answers: `/` with a few bytes, `/big` with 1 MiB; it takes any body. */
export async function origin(dir: TempDir, h2c = false): Promise<Server> {
  const port = freePort();
  dir.write("origin/big", new Uint8Array(1024 * 1024).fill(120));
  const config = dir.write(
    `origin-${port}.conf`,
    nginxConfig(
      dir,
      `origin-${port}`,
      `server { listen 127.0.0.1:${port} reuseport${h2c ? " http2" : ""}; root ${dir.path}/origin;
         location = / { return 200 "hello, world\\n"; }
         location = /upload { client_max_body_size 0; client_body_buffer_size 2m;
           proxy_pass http://127.0.0.1:${port}/; proxy_pass_request_body off;
           proxy_set_header Content-Length ""; proxy_method GET; }
       }`,
    ),
  );
  const process = startPinned(CLIENT_CORE, find("nginx")!, ["-c", config, "-e", "stderr"]);
  await process.listening(port);
  return { name: "origin", port, process };
}

/** nginx with the text of its `http` block, or of another one beside it; `{port}` stands for its port. */
export async function nginxRunning(
  dir: TempDir,
  http: string,
  { core = SERVER_CORE, beside = "" } = {},
): Promise<Server> {
  const port = freePort();
  const text = beside + nginxConfig(dir, String(port), http);
  const config = dir.write(`nginx-${port}.conf`, text.replaceAll("{port}", String(port)));
  const process = startPinned(core, find("nginx")!, ["-c", config, "-e", "stderr"]);
  await process.listening(port);
  return { name: "nginx", port, process };
}

/** HAProxy with a configuration of one thread; `{port}` stands for its port. */
export async function haproxyRunning(dir: TempDir, text: string): Promise<Server> {
  const port = freePort();
  const config = dir.write(
    `haproxy-${port}.cfg`,
    `global
  nbthread 1
  maxconn 8000
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${text}`.replaceAll("{port}", String(port)),
  );
  const process = startPinned(SERVER_CORE, find("haproxy")!, ["-f", config]);
  await process.listening(port);
  return { name: "haproxy", port, process };
}

/** Varnish in front of an origin, with everything in memory. */
export async function varnishServer(dir: TempDir, origin: number): Promise<Server> {
  const port = freePort();
  const process = startPinned(SERVER_CORE, find("varnishd")!, [
    "-F",
    "-n",
    `${dir.path}/varnish`,
    "-a",
    `127.0.0.1:${port}`,
    "-b",
    `127.0.0.1:${origin}`,
    "-s",
    "malloc,128m",
    "-p",
    "thread_pools=1",
  ]);
  await process.listening(port);
  return { name: "varnish", port, process };
}

/** nginx for `job`. */
export async function nginxServer(dir: TempDir, job: Job, tls?: KeyPairFiles): Promise<Server> {
  const listen = tls === undefined
    ? "listen 127.0.0.1:{port};"
    : `listen 127.0.0.1:{port} ssl http2; ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};
       ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m; http2_max_requests 100000000;`;
  const http = job.kind === "static"
    ? `sendfile on; tcp_nopush on; server { ${listen} root ${job.root}; }`
    : `upstream o { server 127.0.0.1:${job.origin}; keepalive ${KEPT}; keepalive_requests 100000000; }
       server { ${listen} client_max_body_size 0; proxy_request_buffering off;
         location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
           proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
           proxy_set_header X-Forwarded-Proto $scheme; } }`;
  return await nginxRunning(dir, http);
}

/** HAProxy for a proxy job. */
export async function haproxyServer(dir: TempDir, job: Job): Promise<Server> {
  if (job.kind !== "proxy") throw new Error("HAProxy serves no files");
  return await haproxyRunning(
    dir,
    `  mode http
  option http-keep-alive
frontend f
  bind 127.0.0.1:{port}
  option forwardfor
  default_backend b
backend b
  http-reuse always
  server o 127.0.0.1:${job.origin}
`,
  );
}

/** Caddy for `job`. */
export async function caddyServer(dir: TempDir, job: Job): Promise<Server> {
  const port = freePort();
  const content = job.kind === "static"
    ? `root * ${job.root}\n  file_server`
    : `reverse_proxy 127.0.0.1:${job.origin}`;
  const config = dir.write(
    `Caddyfile-${port}`,
    `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port} {
  ${content}
}
`,
  );
  const process = startPinned(
    SERVER_CORE,
    find("caddy")!,
    ["run", "--adapter", "caddyfile", "--config", config],
    {
      env: { HOME: dir.path, XDG_DATA_HOME: dir.path, XDG_CONFIG_HOME: dir.path, GOMAXPROCS: "1" },
    },
  );
  await process.listening(port);
  return { name: "caddy", port, process };
}

/** The gateway itself, with `config` in which `{port}` stands for its port. */
export async function fluxheim(
  dir: TempDir,
  config: string,
  name = "fluxheim",
  build?: Build,
): Promise<Server> {
  const { port, start } = await readyToStart(dir, config, name, build);
  const process = start();
  await process.listening(port);
  return { name, port, process };
}

/** The gateway with everything there that its start needs. */
export async function readyToStart(
  dir: TempDir,
  config: string,
  name = "fluxheim",
  build?: Build,
): Promise<{ port: number; start: () => Process }> {
  const port = freePort();
  const file = dir.write(`${name}-${port}.toml`, config.replaceAll("{port}", String(port)));
  const args = await launchArguments(file, build);
  return { port, start: () => startPinned(SERVER_CORE, Deno.execPath(), args) };
}

/** A loop on the same runtime that only copies bytes: the ceiling of a proxy job. */
export async function copyLoop(job: Job): Promise<Server> {
  if (job.kind !== "proxy") throw new Error("the loop copies, it serves no files");
  const port = freePort();
  const script = fileURLToPath(new URL("copy_loop.ts", import.meta.url));
  const args = ["run", "-q", "--allow-net=127.0.0.1", script, String(port), String(job.origin)];
  const process = startPinned(SERVER_CORE, Deno.execPath(), args);
  await process.listening(port);
  return { name: "copy loop", port, process };
}

/** The gateway's configuration for `job`. */
export function fluxheimConfig(job: Job, extra = ""): string {
  const content = job.kind === "static"
    ? `web = { root = "${job.root}" }`
    : `proxy = { upstream = "127.0.0.1:${job.origin}" }`;
  return `[server]
listen = ["127.0.0.1:{port}"]
process.upstream_keepalive_pool_size = ${KEPT}
${extra}
[server.limits]
max_request_body_bytes = "16MiB"
[logging]
level = "warn"
[logging.access]
enabled = false
[[vhosts]]
name = "bench"
hosts = ["127.0.0.1"]
${content}
`;
}

/** Which of its TLS terminators the gateway is to use; unless told, what it uses by itself. */
export interface TerminatorOptions {
  /** A second certificate, which only the terminator for names can show. */
  readonly names?: boolean;
  /** The faster one, also where a renewal can lose a client. */
  readonly fast?: boolean;
}

/** The gateway's configuration for `job` over TLS. */
export function fluxheimTlsConfig(
  job: Job,
  pair: KeyPairFiles,
  { names = false, fast = false, h2c = false }: TerminatorOptions & { h2c?: boolean } = {},
): string {
  const pairKeys = `cert_path = "${pair.cert}"\nkey_path = "${pair.key}"`;
  let config = fluxheimConfig(job).replace("listen = [", "listen = []\ntls_listen = [");
  if (h2c) {
    config = config.replace(
      /proxy = \{ (.*) \}/,
      'proxy = { $1, upstream_http_version = "http2", upstream_h2_max_streams = 128 }',
    );
  }
  const listener = fast ? "fast_listener = true\n" : "";
  config += `[tls]\nenabled = true\n${listener}[[tls.certificates]]\n${pairKeys}\n`;
  if (!names) return config;
  return config + `[[vhosts]]
name = "other"
hosts = ["other.example"]
web = { root = "${job.kind === "static" ? job.root : "/"}" }
[vhosts.tls]
enabled = true
[vhosts.tls.certificate]
cert_path = "${pair.cert}.other"
key_path = "${pair.key}.other"
`;
}

function nginxConfig(dir: TempDir, name: string, http: string): string {
  const temp = dir.path;
  return `daemon off; worker_processes 1; pid ${temp}/${name}.pid; error_log stderr crit;
    events { worker_connections 16384; }
    http { access_log off; keepalive_requests 100000000; keepalive_timeout 600;
      client_body_temp_path ${temp}/b; proxy_temp_path ${temp}/p; fastcgi_temp_path ${temp}/f;
      uwsgi_temp_path ${temp}/u; scgi_temp_path ${temp}/s;
      ${http} }`;
}
