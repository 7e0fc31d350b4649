/**
 * TCP passed on, beside HAProxy and nginx.
 *
 * @module
 */
import { find, freePort, type TempDir } from "../testing/peer.ts";
import type { Contest, Measure, Scenario } from "./contest.ts";
import { h2load, residentKib, wrk } from "./load.ts";
import { fluxheim, haproxyRunning, nginxRunning, origin, type Server } from "./servers.ts";

const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** All three in front of one origin. */
async function contest(dir: TempDir, measure: Measure): Promise<Contest> {
  const upstream = await origin(dir);
  const port = freePort();
  const gateway = await fluxheim(
    dir,
    `[server]
listen = ["127.0.0.1:{port}"]
limits.max_connections = 20000
[logging]
level = "warn"
[[vhosts]]
name = "none"
hosts = ["none.test"]
[vhosts.web]
root = "${dir.path}"
[stream]
enabled = true
access_log = false
[[stream.routes]]
name = "bench"
listen = ["127.0.0.1:${port}"]
upstreams = ["127.0.0.1:${upstream.port}"]
max_connections = 0
`,
  );
  const servers = [{ ...gateway, port }];
  if (find("nginx") !== undefined && exists(NGINX_STREAM)) {
    // Its first listener only shows that it runs.
    const theirs = freePort();
    const nginx = await nginxRunning(dir, "server { listen 127.0.0.1:{port}; }", {
      beside: ` load_module ${NGINX_STREAM};
        stream { server { listen 127.0.0.1:${theirs}; proxy_pass 127.0.0.1:${upstream.port}; } }`,
    });
    servers.push({ ...nginx, port: theirs });
  }
  if (find("haproxy") !== undefined) {
    servers.push(
      await haproxyRunning(
        dir,
        `  mode tcp
listen f
  bind 127.0.0.1:{port}
  server o 127.0.0.1:${upstream.port}
`,
      ),
    );
  }
  return { servers, helpers: [upstream], measure };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const url = (server: Server, path: string) => `http://127.0.0.1:${server.port}${path}`;

/** Resident memory each of `count` pairs costs that have exchanged a few bytes and wait, in KiB. */
async function idlePairKib(server: Server, count: number): Promise<number> {
  const before = await residentKib(server.process.pid);
  const connections: Deno.TcpConn[] = [];
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const buffer = new Uint8Array(4096);
  try {
    for (let i = 0; i < count; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      connections.push(connection);
      await connection.write(request);
      await connection.read(buffer);
    }
    return (await residentKib(server.process.pid) - before) / count;
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Streams. */
export const STREAMS: readonly Scenario[] = [
  {
    name: "stream-ping-pong",
    unit: "req/s",
    wanted: { nginx: 0.85, haproxy: 0.85 },
    start: (dir, seconds) => contest(dir, (server) => wrk(url(server, "/"), { seconds })),
  },
  {
    name: "stream-bulk",
    unit: "req/s",
    wanted: { nginx: 0.9, haproxy: 0.9 },
    start: (dir, seconds) =>
      contest(
        dir,
        (server) => h2load(url(server, "/big"), { seconds, connections: 16, h1: true }),
      ),
  },
  {
    name: "stream-connects",
    unit: "req/s",
    wanted: { nginx: 0.6, haproxy: 0.6 },
    start: (dir, seconds) => {
      const script = dir.write("close.lua", 'wrk.headers["Connection"] = "close"\n');
      return contest(dir, (server) => wrk(url(server, "/"), { seconds, script, connections: 32 }));
    },
  },
  {
    name: "stream-idle-2000",
    unit: "KiB",
    wanted: {},
    start: (dir) => contest(dir, (server) => idlePairKib(server, 2000)),
  },
];
