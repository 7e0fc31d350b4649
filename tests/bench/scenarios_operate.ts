/**
 * What it costs to be watched: metrics, traces and access logs of a small proxied request beside the same gateway
 * without them, and a scrape of a thousand vhosts. Many short rounds say more than few long ones.
 *
 * @module
 */
import { freePort, type TempDir } from "../testing/peer.ts";
import type { Scenario } from "./contest.ts";
import { residentKib, wrk } from "./load.ts";
import { compared } from "./scenarios_policies.ts";
import {
  fluxheim,
  fluxheimConfig,
  type Job,
  nginxRunning,
  origin,
  type Server,
} from "./servers.ts";

const VHOSTS = 1_000;

/** The same gateway with `more` in its configuration, and without. */
function beside(name: string, least: number, more: (dir: TempDir) => string): Scenario {
  return compared(name, { without: least }, async (dir, job) => [
    await fluxheim(dir, fluxheimConfig(job) + more(dir), name),
    await fluxheim(dir, fluxheimConfig(job), "without"),
  ]);
}

const metrics = () => `[metrics]\nenabled = true\nlisten = "127.0.0.1:${freePort()}"\n`;

/** Spans go to a collector in this process, which takes and forgets them. */
function traced(perMille: number): string {
  const collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      await request.body?.cancel();
      return Response.json({});
    },
  );
  void collector.finished;
  collector.unref();
  return `[tracing]
enabled = true
[tracing.sampling]
mode = "ratio"
ratio_per_mille = ${perMille}
[tracing.otlp]
enabled = true
endpoint = "http://127.0.0.1:${collector.addr.port}/v1/traces"
`;
}

/** The gateway's configuration with a log of every request in a file. */
function logged(dir: TempDir, job: Job): string {
  return fluxheimConfig(job)
    .replace('level = "warn"', "")
    .replace("[logging.access]\nenabled = false", "[logging.access]\nenabled = true") +
    `[logging.file]\nenabled = true\npath = "${dir.path}/access.log"\n`;
}

/** nginx with the same log, and without. */
function nginxLogged(dir: TempDir, { origin }: { origin: number }, log: string): Promise<Server> {
  return nginxRunning(
    dir,
    `upstream o { server 127.0.0.1:${origin}; keepalive 2048; keepalive_requests 100000000; }
     server { listen 127.0.0.1:{port}; access_log ${log};
       location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
  );
}

/** A gateway with many vhosts, each of which was asked once. */
async function manyVhosts(dir: TempDir): Promise<{ server: Server; metricsPort: number }> {
  const metricsPort = freePort();
  const vhosts = Array.from(
    { length: VHOSTS },
    (_, i) =>
      `[[vhosts]]\nname = "v${i}"\nhosts = ["v${i}.test"]\nweb = { root = "${dir.path}/www" }\n`,
  );
  dir.write("www/index.html", "x");
  const server = await fluxheim(
    dir,
    `[server]
listen = ["127.0.0.1:{port}"]
[logging]
level = "warn"
[logging.access]
enabled = false
[metrics]
enabled = true
listen = "127.0.0.1:${metricsPort}"
${vhosts.join("")}`,
  );
  using client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const buffer = new Uint8Array(65_536);
  for (let i = 0; i < VHOSTS; i++) {
    await client.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: v${i}.test\r\n\r\n`));
    await client.read(buffer);
  }
  return { server, metricsPort };
}

/** Longest time in milliseconds that a small request took while `work` was under way. */
async function longestDuring(port: number, work: () => Promise<unknown>): Promise<number> {
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  client.setNoDelay();
  const ask = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: v1.test\r\n\r\n");
  const buffer = new Uint8Array(65_536);
  let isOver = false;
  const working = work().finally(() => isOver = true);
  let longest = 0;
  while (!isOver) {
    const began = performance.now();
    await client.write(ask);
    await client.read(buffer);
    longest = Math.max(longest, performance.now() - began);
  }
  await working;
  return longest;
}

/** Metrics, traces, logs, the admin API. */
export const OPERATE: readonly Scenario[] = [
  beside("metrics-on", 0.97, metrics),
  beside("traces-1-percent", 0.97, () => traced(10)),
  beside("traces-all", 0.85, () => traced(1000)),
  {
    name: "access-log-file",
    unit: "req/s",
    wanted: { without: 0.88 },
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      return {
        servers: [
          await fluxheim(dir, logged(dir, job), "logging"),
          await fluxheim(dir, fluxheimConfig(job), "without"),
          { ...await nginxLogged(dir, job, `${dir.path}/nginx.log`), name: "nginx logs" },
          { ...await nginxLogged(dir, job, "off"), name: "nginx" },
        ],
        helpers: [upstream],
        measure: ({ port }) => wrk(`http://127.0.0.1:${port}/`, { seconds }),
      };
    },
  },
  {
    name: "scrape-1000-vhosts",
    unit: "ms",
    wanted: {},
    async start(dir) {
      const { server, metricsPort } = await manyVhosts(dir);
      const scrape = async () => {
        const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
        await answer.arrayBuffer();
      };
      return {
        servers: [server],
        helpers: [],
        async measure() {
          const began = performance.now();
          await scrape();
          return performance.now() - began;
        },
        async remark() {
          const longest = await longestDuring(server.port, scrape);
          return `longest request during a scrape: ${longest.toFixed(1)} ms (aim: at most 5 ms)`;
        },
      };
    },
  },
  {
    name: "admin-thread",
    unit: "KiB",
    wanted: {},
    async start(dir) {
      const job: Job = { kind: "static", root: `${dir.path}/www` };
      dir.write("www/index.html", "x");
      const token = dir.write("token", "0123456789abcdef0123456789abcdef");
      Deno.chmodSync(token, 0o600);
      const admin = `[admin]
enabled = true
listen = "127.0.0.1:${freePort()}"
token_file = "${token}"
snapshot_store = "${dir.path}/store"
`;
      return {
        servers: [
          await fluxheim(dir, fluxheimConfig(job) + admin, "admin"),
          await fluxheim(dir, fluxheimConfig(job), "without"),
        ],
        helpers: [],
        measure: ({ process }) => residentKib(process.pid),
      };
    },
  },
];
