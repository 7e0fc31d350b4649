/**
 * What is measured over TLS, and beside whom.
 *
 * @module
 */
import { type Issued, TestAuthority } from "../../src/net/testing/certificates.ts";
import { find, type TempDir } from "../testing/peer.ts";
import { type Contest, type Measure, type Scenario, webRoot } from "./contest.ts";
import { CLIENT_CORE, h2load, residentKib, startPinned, wrk } from "./load.ts";
import { failedAnew, failedOnKept, type Renewal } from "./renewals.ts";
import {
  fluxheim,
  fluxheimTlsConfig,
  type Job,
  type KeyPairFiles,
  nginxServer,
  origin,
  type Server,
  type TerminatorOptions,
} from "./servers.ts";

/** How a contest over TLS is set up. */
interface TlsOptions extends TerminatorOptions {
  /** Static unless given. */
  readonly job?: Job;
  readonly helpers?: readonly Server[];
  /** The gateway, not nginx, which cannot, speaks HTTP/2 to the origin. */
  readonly h2c?: boolean;
}

const WARM_SECONDS = 2;
/** So few connections that the two cores wait for each other, whatever a request costs. */
const FEW = 8;
/** Connections that are opened at a time. */
const AT_ONCE = 20;

const url = (server: Server, path: string) => `https://127.0.0.1:${server.port}${path}`;

/** Scenarios over TLS, in the order they run. */
export const OVER_TLS: readonly Scenario[] = [
  {
    name: "tls-hot-static-10k",
    unit: "req/s",
    wanted: { nginx: 0.95 },
    start: (dir, seconds) =>
      contest(dir, () => (server) => wrk(url(server, "/10k.txt"), { seconds })),
  },
  {
    name: "tls-names-hot-static-10k",
    unit: "req/s",
    wanted: { nginx: 0.65 },
    start: (dir, seconds) =>
      contest(dir, () => (server) => wrk(url(server, "/10k.txt"), { seconds }), { names: true }),
  },
  {
    name: "tls-fast-hot-static-10k",
    unit: "req/s",
    wanted: { nginx: 0.95 },
    start: (dir, seconds) =>
      contest(dir, () => (server) => wrk(url(server, "/10k.txt"), { seconds }), { fast: true }),
  },
  {
    name: "tls-handshakes",
    unit: "req/s",
    wanted: { nginx: 0.6 },
    start: (dir, seconds) => contest(dir, () => (server) => handshakes(server, seconds)),
  },
  {
    name: "tls-fast-handshakes",
    unit: "req/s",
    wanted: { nginx: 0.6 },
    start: (dir, seconds) =>
      contest(dir, () => (server) => handshakes(server, seconds), { fast: true }),
  },
  {
    name: "h2-hot-static-10k",
    unit: "req/s",
    wanted: { nginx: 1.3 },
    start: (dir, seconds) =>
      contest(dir, () => (server) => h2load(url(server, "/10k.txt"), { seconds })),
  },
  {
    name: "h2-small-proxied",
    unit: "req/s",
    wanted: { nginx: 0.9 },
    start: (dir, seconds) => proxied(dir, seconds, false),
  },
  {
    name: "h2-small-proxied-to-h2c",
    unit: "req/s",
    wanted: { nginx: 1.2 },
    start: (dir, seconds) => proxied(dir, seconds, true),
  },
  {
    name: "h2-small-proxied-to-h2c-few",
    unit: "req/s",
    wanted: { nginx: 1.2 },
    start: (dir, seconds) => proxied(dir, seconds, true, FEW),
  },
  {
    name: "h2-idle-1000",
    unit: "KiB",
    wanted: {},
    start: (dir) => contest(dir, (root) => (server) => idleKib(server, 1000, root)),
  },
  {
    name: "h2-fast-idle-1000",
    unit: "KiB",
    wanted: {},
    start: (dir) => contest(dir, (root) => (server) => idleKib(server, 1000, root), { fast: true }),
  },
  renewals("tls-renewals-kept", failedOnKept),
  renewals("tls-renewals-anew", failedAnew),
];

/** A hundred certificate renewals under load, at either terminator. */
function renewals(
  name: string,
  failed: (server: Server, renewal: Renewal) => Promise<number>,
): Scenario {
  return {
    name,
    unit: "failed",
    wanted: {},
    async start(dir) {
      const authority = new TestAuthority();
      const names = ["localhost", "127.0.0.1"];
      const generations = [1, 2].map(() => authority.issue({ name: names[0], names }));
      const renewalOf = new Map<Server, Renewal>();
      for (const terminator of ["static", "names"] as const) {
        const files = writePair(dir, terminator, generations[0]);
        writePair(dir, `${terminator}.other`, authority.issue({ name: "other.example" }));
        const job: Job = { kind: "static", root: webRoot(dir) };
        const config = fluxheimTlsConfig(job, files, {
          names: terminator === "names",
          fast: terminator === "static",
        })
          .replace('level = "warn"', 'level = "info"')
          .replace("[server]", `[server]\nprocess.pid_file = "${dir.path}/${terminator}.pid"`);
        const server = await fluxheim(dir, config, `${terminator} terminator`);
        renewalOf.set(server, { files, generations, root: authority.root });
      }
      const measure: Measure = (server) => failed(server, renewalOf.get(server)!);
      return { servers: [...renewalOf.keys()], helpers: [], measure };
    },
  };
}

async function proxied(
  dir: TempDir,
  seconds: number,
  h2c: boolean,
  connections?: number,
): Promise<Contest> {
  const upstream = await origin(dir, h2c);
  const http1 = h2c ? await origin(dir) : upstream;
  const measure: Measure = (server) => h2load(url(server, "/"), { seconds, connections });
  return await contest(dir, () => measure, {
    job: { kind: "proxy", origin: upstream.port },
    nginxJob: { kind: "proxy", origin: http1.port },
    helpers: h2c ? [upstream, http1] : [upstream],
    h2c,
  });
}

/** The gateway beside nginx, both with the same certificates. */
async function contest(
  dir: TempDir,
  measureWith: (root: string) => Measure,
  options: TlsOptions & { readonly nginxJob?: Job } = {},
): Promise<Contest> {
  const { job = { kind: "static", root: webRoot(dir) }, helpers = [] } = options;
  const authority = new TestAuthority();
  const names = ["localhost", "127.0.0.1"];
  const pair = writePair(dir, "pair", authority.issue({ name: names[0], names }));
  writePair(dir, "pair.other", authority.issue({ name: "other.example" }));
  const ours = await fluxheim(dir, fluxheimTlsConfig(job, pair, options));
  const theirs = await nginxServer(dir, options.nginxJob ?? job, pair);
  return { servers: [ours, theirs], helpers, measure: measureWith(authority.root) };
}

/** Files as {@linkcode fluxheimTlsConfig} names them: a second pair has the suffix `.other`. */
function writePair(dir: TempDir, name: string, { cert, key }: Issued): KeyPairFiles {
  const [base, suffix = ""] = name.split(/(?=\.other$)/);
  const files = {
    cert: dir.write(`${base}.pem${suffix}`, cert),
    key: dir.write(`${base}.key${suffix}`, key),
  };
  Deno.chmodSync(files.key, 0o600);
  return files;
}

/** Full TLS 1.3 handshakes a second. */
async function handshakes(server: Server, seconds: number): Promise<number> {
  const process = startPinned(CLIENT_CORE, find("openssl")!, [
    "s_time",
    "-connect",
    `127.0.0.1:${server.port}`,
    "-new",
    "-time",
    String(seconds),
    "-tls1_3",
  ]);
  await process.ended;
  await process.stop();
  const [, count, real] = /(\d+) connections in (\d+) real seconds/.exec(process.output) ?? [];
  return Number(count) / Number(real);
}

/**
 * Resident memory that each of `count` idle HTTP/2 connections costs, in KiB. One connection has been busy
 * before: what a program takes once, for its code and its first requests, is not the connections'.
 */
async function idleKib(server: Server, count: number, root: string): Promise<number> {
  await h2load(url(server, "/10k.txt"), { seconds: WARM_SECONDS, connections: 1 });
  const before = await residentKib(server.process.pid);
  const connections: Deno.TlsConn[] = [];
  let closed = 0;
  try {
    while (connections.length < count) {
      const batch = Array.from({ length: AT_ONCE }, () => askOnce(server.port, root));
      for (const connection of await Promise.all(batch)) {
        connections.push(connection);
        connection.read(new Uint8Array(1)).then(() => closed++, () => {});
      }
    }
    const kib = (await residentKib(server.process.pid) - before) / connections.length;
    if (closed > 0) throw new Error(`${closed} connections did not stay open`);
    return kib;
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** An HTTP/2 connection that has been served a file of 10 KiB and may be left alone. */
async function askOnce(port: number, root: string): Promise<Deno.TlsConn> {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port });
  // The end of the handshake and the request are two segments: the second must not wait for an ACK.
  plain.setNoDelay(true);
  const connection = await Deno.startTls(plain, {
    hostname: "localhost",
    alpnProtocols: ["h2"],
    caCerts: [root],
  });
  await connection.write(HELLO);
  const buffer = new Uint8Array(16 * 1024);
  for (let seen = 0; seen < 10 * 1024;) seen += await connection.read(buffer) ?? Infinity;
  return connection;
}

/** A string literal of HPACK, not Huffman-coded (RFC 7541 section 5.2). */
function literal(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** Headers that ask for `GET https://localhost/10k.txt`, by literals. */
const BLOCK = [0x82, 0x87, 0x04, ...literal("/10k.txt"), 0x01, ...literal("localhost")];

/** Preface, empty SETTINGS, HEADERS, the acknowledgement of the server's SETTINGS. */
const HELLO = new Uint8Array([
  ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ...[0, 0, 0, 4, 0, 0, 0, 0, 0],
  ...[0, 0, BLOCK.length, 1, 5, 0, 0, 0, 1],
  ...BLOCK,
  ...[0, 0, 0, 4, 1, 0, 0, 0, 0],
]);
