/**
 * What is measured over cleartext, and beside whom.
 *
 * @module
 */
import { find, type TempDir, until } from "../testing/peer.ts";
import { type Contest, type Measure, type Scenario, webRoot } from "./contest.ts";
import { cpuSeconds, h2load, latencyAt, residentKib, workerSeconds, wrk } from "./load.ts";
import {
  caddyServer,
  copyLoop,
  fluxheim,
  fluxheimConfig,
  haproxyServer,
  type Job,
  nginxServer,
  origin,
  readyToStart,
  type Server,
} from "./servers.ts";

/** The peers of a proxy or static job, ours first. */
async function contest(
  dir: TempDir,
  job: Job,
  peers: readonly ("nginx" | "haproxy" | "caddy")[],
  measure: Measure,
  helpers: readonly Server[] = [],
): Promise<Contest> {
  const servers = [await fluxheim(dir, fluxheimConfig(job))];
  for (const peer of peers) {
    if (find(peer) === undefined) continue;
    if (peer === "nginx") servers.push(await nginxServer(dir, job));
    if (peer === "haproxy") servers.push(await haproxyServer(dir, job));
    if (peer === "caddy") servers.push(await caddyServer(dir, job));
  }
  return { servers, helpers, measure };
}

const url = (server: Server, path: string) => `http://127.0.0.1:${server.port}${path}`;

/** Scenarios without TLS, in the order they run. */
export const CLEARTEXT: readonly Scenario[] = [
  {
    name: "small-proxied",
    unit: "req/s",
    wanted: { nginx: 0.8, haproxy: 0.9, caddy: 3.5 },
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      const measure: Measure = (server) => wrk(url(server, "/"), { seconds });
      const running = await contest(
        dir,
        job,
        ["nginx", "haproxy", "caddy"],
        measure,
        [upstream],
      );
      return { ...running, servers: [...running.servers, await copyLoop(job)] };
    },
  },
  {
    name: "hot-static-10k",
    unit: "req/s",
    wanted: { nginx: 1.3 },
    async start(dir, seconds) {
      const job: Job = { kind: "static", root: webRoot(dir) };
      return await contest(
        dir,
        job,
        ["nginx", "caddy"],
        (server) => wrk(url(server, "/10k.txt"), { seconds }),
      );
    },
  },
  {
    name: "1mib-proxied",
    unit: "req/s",
    wanted: { nginx: 1.6 },
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      // wrk reads 8 KiB at a time: its core, and not the program, would be what is measured.
      const measure: Measure = (server) =>
        h2load(url(server, "/big"), { seconds, connections: 16, h1: true });
      return await contest(dir, job, ["nginx", "haproxy", "caddy"], measure, [upstream]);
    },
  },
  {
    name: "1mib-upload",
    unit: "req/s",
    wanted: {},
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      const script = dir.write(
        "upload.lua",
        'wrk.method = "POST"\nwrk.body = string.rep("x", 1024 * 1024)\n',
      );
      const measure: Measure = (server) =>
        wrk(url(server, "/upload"), { seconds, connections: 16, script });
      return await contest(dir, job, ["nginx", "haproxy", "caddy"], measure, [upstream]);
    },
  },
  {
    name: "p99-at-5000",
    unit: "ms",
    wanted: {},
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      const measure: Measure = (server) => latencyAt(url(server, "/"), { seconds, rate: 5000 });
      return await contest(dir, job, ["nginx", "haproxy", "caddy"], measure, [upstream]);
    },
  },
  {
    name: "idle-10000",
    unit: "KiB",
    wanted: {},
    async start(dir) {
      const job: Job = { kind: "static", root: webRoot(dir) };
      return await contest(dir, job, ["nginx"], (server) => idleKib(server, 10_000));
    },
  },
  {
    name: "ready-after-start",
    unit: "ms",
    wanted: {},
    async start(dir) {
      const job: Job = { kind: "static", root: webRoot(dir) };
      const ours = await contest(dir, job, [], () => startMs(dir, job));
      return ours;
    },
  },
  {
    name: "two-workers-cpu",
    unit: "CPU us/req",
    wanted: {},
    async start(dir, seconds) {
      const upstream = await origin(dir);
      const job: Job = { kind: "proxy", origin: upstream.port };
      const one = await fluxheim(dir, fluxheimConfig(job), "one worker");
      const two = await fluxheim(dir, fluxheimConfig(job, "process.threads = 2"), "two workers");
      return {
        servers: [two, one],
        helpers: [upstream],
        measure: (s) => cpuPerRequest(s, seconds),
        remark: async () => `each of the two workers: ${await sharesOf(two)}`,
      };
    },
  },
];

/** Resident memory each of `count` idle connections costs, in KiB. */
async function idleKib(server: Server, count: number): Promise<number> {
  const before = await residentKib(server.process.pid);
  const connections: Deno.TcpConn[] = [];
  const request = new TextEncoder().encode("GET /10k.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const buffer = new Uint8Array(65_536);
  try {
    for (let i = 0; i < count; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      connections.push(connection);
      // Each one has served a request and waits for the next, as browsers leave them.
      await connection.write(request);
      await connection.read(buffer);
    }
    return (await residentKib(server.process.pid) - before) / count;
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** From the start of the process to the first answer. */
async function startMs(dir: TempDir, job: Job): Promise<number> {
  const { port, start } = await readyToStart(dir, fluxheimConfig(job));
  const begin = performance.now();
  await using _process = start();
  await until("it answers", () => answers(port));
  return performance.now() - begin;
}

async function answers(port: number): Promise<boolean> {
  try {
    await (await fetch(`http://127.0.0.1:${port}/`)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** How the workers of a gateway shared its work: their parts of the CPU time, and how far apart they are. */
async function sharesOf(server: Server): Promise<string> {
  const seconds = await workerSeconds(server.process.pid);
  const sum = seconds.reduce((a, b) => a + b, 0);
  const parts = seconds.map((part) => `${(100 * part / sum).toFixed(1)} %`).join(", ");
  const apart = 100 * (1 - Math.min(...seconds) / Math.max(...seconds));
  return `${parts} of the CPU time, ${apart.toFixed(0)} % apart (aim: at most 20 %)`;
}

/** CPU time of one request, in microseconds, over the whole process. */
async function cpuPerRequest(server: Server, seconds: number): Promise<number> {
  const before = await cpuSeconds(server.process.pid);
  const rate = await wrk(url(server, "/"), { seconds });
  return (await cpuSeconds(server.process.pid) - before) * 1e6 / (rate * seconds);
}
