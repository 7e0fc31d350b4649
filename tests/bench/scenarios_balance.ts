/**
 * Pools: what choosing costs, and beside nginx and HAProxy with the same members.
 *
 * @module
 */
import { find, type TempDir } from "../testing/peer.ts";
import type { Contest, Scenario } from "./contest.ts";
import { CLIENT_CORE, wrk } from "./load.ts";
import { fluxheim, haproxyRunning, nginxRunning, type Server } from "./servers.ts";

/** Members that answer with a few bytes: so many servers of one nginx on the clients' core. */
async function members(
  dir: TempDir,
  count: number,
): Promise<{ server: Server; addresses: string[] }> {
  // Addresses of their own on one port: so many ports would have to be found free.
  const addresses = Array.from(
    { length: count },
    (_, i) => `127.0.1.${1 + i}`,
  );
  const listens = addresses.map((address) => `listen ${address}:{port};`).join(" ");
  const server = await nginxRunning(
    dir,
    `server { listen 127.0.0.1:{port}; ${listens} location / { return 200 "hello, world\\n"; } }`,
    { core: CLIENT_CORE },
  );
  return { server, addresses: addresses.map((address) => `${address}:${server.port}`) };
}

/** The gateway before a pool, or before one upstream. */
function ours(
  dir: TempDir,
  name: string,
  upstreams: readonly string[],
  balance: string,
): Promise<Server> {
  const proxy = upstreams.length === 1
    ? `upstream = "${upstreams[0]}"`
    : `upstreams_file = "${
      dir.write(`members-${upstreams.length}`, upstreams.join("\n"))
    }"\n[vhosts.proxy.load_balance]\nmember_ranges = ["127.0.1.0/24"]\n${balance}`;
  return fluxheim(
    dir,
    `[server]
listen = ["127.0.0.1:{port}"]
process.upstream_keepalive_pool_size = 2048
[logging]
level = "warn"
[logging.access]
enabled = false
[[vhosts]]
name = "bench"
hosts = ["127.0.0.1"]
[vhosts.proxy]
${proxy}
`,
    name,
  );
}

/** A selection in the words of each program. */
interface Selection {
  readonly name: string;
  readonly ours: string;
  readonly nginx: string;
  readonly haproxy: string;
}

const SELECTIONS: readonly Selection[] = [
  {
    name: "round-robin",
    ours: 'selection = "round-robin"',
    nginx: "",
    haproxy: "balance roundrobin",
  },
  {
    name: "least-connections",
    ours: 'selection = "least-connections"',
    nginx: "least_conn;",
    haproxy: "balance leastconn",
  },
  {
    name: "consistent-hash",
    ours: 'selection = "consistent-uri-hash"',
    nginx: "hash $uri consistent;",
    haproxy: "balance uri\n  hash-type consistent",
  },
];

async function beside(dir: TempDir, selection: Selection, seconds: number): Promise<Contest> {
  const { server, addresses } = await members(dir, 3);
  const servers = [
    await ours(dir, "fluxheim", addresses, selection.ours),
    await ours(dir, "single", [addresses[0]], ""),
    await nginxRunning(
      dir,
      `upstream o { ${selection.nginx} ${addresses.map((a) => `server ${a};`).join(" ")}
         keepalive 2048; keepalive_requests 100000000; }
       server { listen 127.0.0.1:{port};
         location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
           proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
           proxy_set_header X-Forwarded-Proto $scheme; } }`,
    ),
  ];
  if (find("haproxy") !== undefined) {
    servers.push(
      await haproxyRunning(
        dir,
        `  mode http
frontend f
  bind 127.0.0.1:{port}
  option forwardfor
  default_backend b
backend b
  ${selection.haproxy}
  http-reuse always
${addresses.map((address, i) => `  server s${i} ${address}`).join("\n")}
`,
      ),
    );
  }
  return {
    servers,
    helpers: [server],
    measure: ({ port }) => wrk(`http://127.0.0.1:${port}/`, { seconds }),
  };
}

/** Most members that a pool has. */
const MOST = 250;

/** What a full pool costs more than one of three. */
async function full(dir: TempDir, selection: string, seconds: number): Promise<Contest> {
  const { server, addresses } = await members(dir, MOST);
  const balance = `selection = "${selection}"`;
  return {
    servers: [
      await ours(dir, "full", addresses, balance),
      await ours(dir, "three", addresses.slice(0, 3), balance),
    ],
    helpers: [server],
    measure: ({ port }) => wrk(`http://127.0.0.1:${port}/`, { seconds, connections: 16 }),
  };
}

const ALL = [
  "round-robin",
  "least-connections",
  "power-of-two",
  "uri-hash",
  "consistent-uri-hash",
  "bounded-load-consistent-uri-hash",
];

/** Pools. */
export const BALANCE: readonly Scenario[] = [
  ...SELECTIONS.map((selection): Scenario => ({
    name: `pool-${selection.name}`,
    unit: "req/s",
    wanted: { single: 0.97, nginx: 0.8, haproxy: 0.9 },
    start: (dir, seconds) => beside(dir, selection, seconds),
  })),
  ...ALL.map((selection): Scenario => ({
    name: `full-pool-${selection}`,
    unit: "req/s",
    wanted: {},
    start: (dir, seconds) => full(dir, selection, seconds),
  })),
];
