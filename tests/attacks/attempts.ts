/**
 * What a module that has been taken over would try. Each attempt throws when it is refused.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { closeSync, fchmodSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect, Socket } from "node:net";
import { hostname } from "node:os";
import { Worker as NodeWorker } from "node:worker_threads";

/** What is aimed at. */
export interface Targets {
  /** Port of 127.0.0.1 where something listens that the configuration does not name. */
  readonly strangerPort: number;
  /** Port of the configured upstream, on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Port of 127.0.0.1 where the gateway listens, in clear text and for TLS. */
  readonly listenPort: number;
  readonly tlsPort: number;
  /** The configuration file. */
  readonly config: string;
  /** Private key of the certificate. */
  readonly key: string;
  readonly pidFile: string;
  /** A web root; `link` in it leads to `/etc/passwd`. */
  readonly webRoot: string;
}

/** One attempt. */
export interface Attempt {
  readonly name: string;
  run(targets: Targets): unknown;
}

const SECRET = "/etc/passwd";
const LOOPBACK = "127.0.0.1";
/** On a host that the runtime allows by itself. */
const PUBLIC_MODULE = "https://deno.land/none.ts";

/** A package that is not this program's, and another one each time: of one, the runtime keeps the failure. */
const foreignPackage = () => `npm:fluxheim-attack-${crypto.randomUUID()}@1.0.0`;

/** A connection by `node:net`. */
function nodeConnect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: LOOPBACK, port });
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

async function dial(hostname: string, port: number): Promise<void> {
  (await Deno.connect({ hostname, port })).close();
}

/** Binds a port as workers share it. */
function bind(port: number): void {
  Deno.listen({ hostname: LOOPBACK, port, reusePort: true }).close();
}

async function get(url: string): Promise<void> {
  await (await fetch(url)).body?.cancel();
}

/** A worker that asks for more than its parent has; its failure is the parent's error event. */
function escalate(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker("data:application/javascript,self.postMessage(1)", {
    type: "module",
    deno: { permissions: { read: true, write: true, run: true, net: true } },
  });
  worker.onmessage = () => {
    worker.terminate();
    resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  return promise;
}

/** What `code` answers with in a worker of its own; every realm has what another one took away. */
function inWorker(code: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const text =
    `(async () => { ${code} })().then(() => postMessage(""), (e) => postMessage(String(e)))`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(text)}`, { type: "module" });
  worker.onmessage = ({ data }) => {
    worker.terminate();
    data === "" ? resolve(data) : reject(new Error(data));
  };
  return promise;
}

/** The same in one of `node:worker_threads`. */
function inNodeWorker(code: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const port = `require("node:worker_threads").parentPort`;
  const text = `(async () => { ${code} })().then(() => ${port}.postMessage(""))`;
  const worker = new NodeWorker(text, { eval: true });
  worker.on("message", resolve);
  worker.on("error", reject);
  return promise;
}

const USE_CACHE = `await caches.open("attack"); await caches.delete("attack");`;

/** Through a descriptor that was opened for reading; the mode is the one that it has. */
function changeMode(path: string): void {
  const fd = openSync(path, "r");
  try {
    fchmodSync(fd, fstatSync(fd).mode & 0o7777);
  } finally {
    closeSync(fd);
  }
}

function requestAdapter(): unknown {
  const gpu: { requestAdapter(): unknown } = Reflect.get(navigator, "gpu");
  return gpu.requestAdapter();
}

/** In the order of the table in `docs/permissions.md`. */
export const ATTEMPTS: readonly Attempt[] = [
  { name: "read /etc/passwd", run: () => Deno.readTextFileSync(SECRET) },
  { name: "read /etc/passwd through node:fs", run: () => readFileSync(SECRET) },
  {
    name: "read /etc/passwd by a dynamic import",
    run: () => import(SECRET, { with: { type: "json" } }),
  },
  { name: "read the configuration file", run: ({ config }) => Deno.readTextFileSync(config) },
  { name: "read the private key", run: ({ key }) => Deno.readTextFileSync(key) },
  {
    name: "read the environment of the process",
    run: () => Deno.readFileSync("/proc/self/environ"),
  },
  { name: "read a variable of the environment", run: () => Deno.env.get("PATH") },
  { name: "read FLUXHEIM_LOG, as the start does", run: () => Deno.env.get("FLUXHEIM_LOG") },
  {
    name: "read /etc/passwd through a link in a web root",
    run: ({ webRoot }) => Deno.readTextFileSync(`${webRoot}/link`),
  },
  { name: "write to /tmp", run: () => Deno.writeTextFileSync("/tmp/fluxheim-attack", "") },
  { name: "write to /tmp through node:fs", run: () => writeFileSync("/tmp/fluxheim-attack", "") },
  {
    name: "write into a web root",
    run: ({ webRoot }) => Deno.writeTextFileSync(`${webRoot}/attack`, ""),
  },
  {
    name: "make a link in a web root",
    run: ({ webRoot }) => Deno.symlinkSync("/", `${webRoot}/attack`),
  },
  { name: "write the pid file", run: ({ pidFile }) => Deno.writeTextFileSync(pidFile, "1") },
  { name: "write through the Cache API", run: () => globalThis.caches.open("attack") },
  { name: "use the Cache API of a worker of its own", run: () => inWorker(USE_CACHE) },
  { name: "use the Cache API of a node worker", run: () => inNodeWorker(USE_CACHE) },
  { name: "find a graphics adapter, whose shaders are cached", run: () => requestAdapter() },
  {
    name: "change the mode of a file in a web root",
    run: ({ webRoot }) => changeMode(`${webRoot}/index.html`),
  },
  { name: "write through web storage", run: () => globalThis.localStorage.setItem("a", "b") },
  {
    name: "dial an address that is no upstream",
    run: ({ strangerPort: port }) => dial(LOOPBACK, port),
  },
  { name: "the same through node:net", run: ({ strangerPort }) => nodeConnect(strangerPort) },
  { name: "the same through fetch", run: ({ strangerPort: p }) => get(`http://${LOOPBACK}:${p}/`) },
  {
    name: "the same by the name localhost",
    run: ({ strangerPort: port }) => dial("localhost", port),
  },
  { name: "the same as 0.0.0.0", run: ({ strangerPort: port }) => dial("0.0.0.0", port) },
  {
    name: "the same as ::ffff:127.0.0.1",
    run: ({ strangerPort: p }) => dial("::ffff:127.0.0.1", p),
  },
  {
    name: "follow a redirect of an upstream to it",
    run: ({ upstreamPort }) => get(`http://${LOOPBACK}:${upstreamPort}/redirect`),
  },
  {
    name: "dial the upstream under another name",
    run: ({ upstreamPort: port }) => dial("localhost", port),
  },
  { name: "dial the gateway itself", run: ({ listenPort: port }) => dial(LOOPBACK, port) },
  { name: "look a name up", run: () => lookup("localhost") },
  {
    name: "ask a name server",
    run: ({ strangerPort: port }) =>
      Deno.resolveDns("attack.example", "A", { nameServer: { ipAddr: LOOPBACK, port } }),
  },
  {
    name: "listen on another port",
    run: () => Deno.listen({ hostname: LOOPBACK, port: 0 }).close(),
  },
  { name: "bind the listener's port once more", run: ({ listenPort }) => bind(listenPort) },
  { name: "bind the TLS listener's port once more", run: ({ tlsPort }) => bind(tlsPort) },
  {
    name: "send datagrams",
    run: () => Deno.listenDatagram({ transport: "udp", hostname: LOOPBACK, port: 0 }).close(),
  },
  {
    name: "connect to a unix socket",
    run: async () => (await Deno.connect({ transport: "unix", path: "/run/attack.sock" })).close(),
  },
  {
    name: "listen for QUIC",
    run: () => new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 }).close(),
  },
  { name: "make a socket of an open descriptor", run: () => new Socket({ fd: 2 }).unref() },
  { name: "run a program", run: () => new Deno.Command("true").outputSync() },
  {
    name: "run a program through node:child_process",
    run: () => {
      const { error } = spawnSync("true", [], { env: {} });
      if (error !== undefined) throw error;
    },
  },
  { name: "load a library", run: () => Deno.dlopen("libc.so.6", {}).close() },
  { name: "ask which user it runs as", run: () => Deno.uid() },
  { name: "ask for the host's name", run: () => hostname() },
  { name: "end another process", run: () => Deno.kill(1, "SIGCONT") },
  { name: "import a module from a public host", run: () => import(PUBLIC_MODULE) },
  { name: "fetch a package and run it", run: () => import(foreignPackage()) },
  {
    name: "the same from a module made up on the spot",
    run: () => import(`data:text/javascript,import ${JSON.stringify(foreignPackage())}`),
  },
  { name: "start a worker with more permissions", run: escalate },
  {
    name: "ask for a permission",
    run: () => {
      const { state } = Deno.permissions.requestSync({ name: "write", path: "/tmp" });
      if (state !== "granted") throw new Error(state);
    },
  },
];

/** How an attempt went. */
export interface Verdict {
  readonly name: string;
  readonly refused: boolean;
  /** The reason of the refusal, for a test that fails. */
  readonly reason: string;
}

/** Tries everything, one after the other. */
export async function tryAll(targets: Targets): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const { name, run } of ATTEMPTS) {
    try {
      await run(targets);
      verdicts.push({ name, refused: false, reason: "" });
    } catch (error) {
      verdicts.push({ name, refused: true, reason: String(error) });
    }
  }
  return verdicts;
}
