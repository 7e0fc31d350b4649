/**
 * A module for tests of the runtime: its answers show which worker and which snapshot served, and its
 * paths do to a worker what a broken or hostile module could do.
 *
 * @module
 */
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Codec } from "../../gateway/codec.ts";
import type {
  EdgeModule,
  Module,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { BodyError } from "../../http/body.ts";
import { Fields } from "../../http/fields.ts";
import { writeAll } from "../../net/duplex.ts";
import type { ListenerKind } from "../../net/listen/listener_spec.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { type Layout, zone } from "../../zones/layout.ts";
import { at } from "../reload/compare.ts";

const PROBE_ZONE = "probe";
const ECHO = "probe-echo";
/**
 * Cells of the zone: how often `/count` was asked for, and `/held`, whether `/release` was, and how many
 * configurations were adopted.
 */
const COUNTED = 0;
const HELD = 1;
const RELEASED = 2;
const ADOPTED = 3;
const CELLS = 4;
const POLL_MS = 5;
/** Objects that one request for `/hoard` leaves behind; about a megabyte. */
const HOARDED = 10_000;

/** Cells; their settings are counted each time they are applied. */
const probeCells: Layout<Int32Array, number, string> = {
  kind: "probe",
  parts: "shared",
  bytes: (spareCells) => (CELLS + spareCells) * Int32Array.BYTES_PER_ELEMENT,
  open: (memory) => new Int32Array(memory),
  apply: (memory) => void Atomics.add(new Int32Array(memory), ADOPTED, 1),
};

/** Every object that this worker was given for the zone. */
const zonesSeen = new Set<Int32Array>();

/** What this worker never lets go of. */
const hoard: unknown[] = [];

const encoder = new TextEncoder();

/** What a vhost's `probe` table sets, as tests write it. */
export interface ProbeTable {
  /** The body of `/`. */
  readonly greeting?: string;
  /** Makes every worker with an index of at least this refuse to build the snapshot. */
  readonly failFrom?: number;
  /** Cells that the zone has more than it needs. */
  readonly spareCells?: number;
  /** `host:port` that a worker may dial. */
  readonly upstream?: string;
  /** A directory that a worker may read. */
  readonly root?: string;
  /** Address of a listener of the module's own, which says who it is and echoes; and its kind. */
  readonly listen?: string;
  readonly listenKind?: ListenerKind;
  /** Certificate and key of TLS listeners, as PEM. */
  readonly cert?: string;
  readonly key?: string;
}

function probeOf(vhost: unknown): ProbeTable {
  const text = (key: string) => {
    const value = at(vhost, ["probe", key]);
    return typeof value === "string" ? value : undefined;
  };
  const failFrom = at(vhost, ["probe", "failFrom"]);
  const spareCells = at(vhost, ["probe", "spareCells"]);
  return {
    greeting: text("greeting"),
    upstream: text("upstream"),
    root: text("root"),
    cert: text("cert"),
    key: text("key"),
    listen: text("listen"),
    listenKind: (["unix", "udp"] as const).find((kind) => kind === text("listenKind")),
    ...(typeof failFrom === "number" ? { failFrom } : {}),
    ...(typeof spareCells === "number" ? { spareCells } : {}),
  };
}

/** The module. */
export const probe: Module = {
  name: "probe",
  schema: [],
  manifest: {},
  needs(config) {
    const key = "vhosts[0].probe";
    const { upstream, root, listen, listenKind = "tcp", spareCells = 0, greeting = "" } = probeOf(
      config.vhosts[0],
    );
    return {
      grants: {
        net: upstream === undefined
          ? []
          : [{ value: upstream, key: `${key}.upstream`, for: "edge" }],
        read: root === undefined ? [] : [{ value: root, key: `${key}.root`, for: "edge" }],
      },
      zones: [
        zone(probeCells, {
          name: PROBE_ZONE,
          size: spareCells,
          settings: greeting,
          roles: ["edge"],
        }),
      ],
      listeners: listen === undefined ? [] : [{
        kind: listenKind,
        address: listen,
        key: `${key}.listen`,
        protocol: ECHO,
        proxyProtocol: "off",
      }],
    };
  },
  edge: () => Promise.resolve(probeEdge),
};

/** The same, for workers. */
export const probeEdge: EdgeModule = {
  name: "probe",
  open: ({ worker }) => ({ start, codecs: [echo(worker)] }),
};

/** A protocol that is not HTTP: names the worker, then sends back what comes. */
function echo(worker: number): Codec {
  return {
    name: ECHO,
    async serve({ stream }) {
      await writeAll(stream, encoder.encode(`worker ${worker}\n`));
      const buffer = new Uint8Array(1024);
      for (let count = await stream.read(buffer); count !== null;) {
        await writeAll(stream, buffer.subarray(0, count));
        count = await stream.read(buffer);
      }
      stream.close();
    },
  };
}

function start(context: SnapshotContext): RunningModule {
  const table = probeOf(context.config.vhosts[0]);
  if (context.worker >= (table.failFrom ?? Infinity)) {
    throw new Error("told to fail");
  }
  const tls = listenerTls(table);
  return {
    plan: (scope) => plan(scope, context),
    stop() {},
    ...(tls === undefined ? {} : { listenerTls: tls }),
  };
}

function listenerTls({ cert, key }: ProbeTable): TlsListenerSpec | undefined {
  if (cert === undefined || key === undefined) return undefined;
  return {
    material: { pairs: [{ cert, key }], fallback: 0, names: [], clientRoots: undefined },
    alpn: ["http/1.1"],
    minVersion: "TLSv1.2",
    clientAuth: "off",
    needsFacts: false,
    fastListener: true,
    handshakeTimeoutMs: 5_000,
  };
}

function plan({ vhost }: RouteScope, { zones, worker, metrics }: SnapshotContext): Steps {
  const { greeting = "hello" } = probeOf(vhost);
  const cells = zones.open(probeCells, PROBE_ZONE);
  zonesSeen.add(cells);
  const tallied = metrics.counter("probe_tallied_total", { greeting });
  return {
    serve(exchange) {
      switch (exchange.path) {
        case "/":
          return answer(exchange, greeting);
        case "/tally":
          tallied.count();
          return answer(exchange, String(worker));
        case "/worker":
          return answer(exchange, String(worker));
        case "/count":
          return answer(exchange, String(Atomics.add(cells, COUNTED, 1) + 1));
        case "/adopted":
          return answer(exchange, String(Atomics.load(cells, ADOPTED)));
        case "/zones-seen":
          return answer(exchange, String(zonesSeen.size));
        case "/slow":
          return answerLater(exchange, greeting, Number(exchange.query ?? "100"));
        case "/held":
          Atomics.add(cells, HELD, 1);
          return answerWhenReleased(exchange, greeting, cells);
        case "/held-count":
          return answer(exchange, String(Atomics.load(cells, HELD)));
        case "/release":
          Atomics.store(cells, RELEASED, 1);
          return answer(exchange, greeting);
        case "/throw":
          setTimeout(() => {
            throw new Error("told to throw");
          });
          return answerLater(exchange, "not dead", 1_000);
        case "/forget":
          void Promise.reject(new BodyError(502, "told to break off"));
          return answerLater(exchange, "not dead", 50);
        case "/spin":
          for (;;) Atomics.load(cells, COUNTED);
        case "/hoard":
          for (let i = 0; i < HOARDED; i++) hoard.push({ kept: [i] });
          return answer(exchange, greeting);
        case "/try":
          return attempt(exchange, new URLSearchParams(exchange.query));
      }
    },
  };
}

function answer(exchange: Exchange, text: string): void {
  exchange.status = 200;
  exchange.response = Fields.of(["content-type", "text/plain"]);
  exchange.responseBody = encoder.encode(text);
}

async function answerLater(exchange: Exchange, text: string, ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  answer(exchange, text);
}

async function answerWhenReleased(
  exchange: Exchange,
  text: string,
  cells: Int32Array,
): Promise<void> {
  while (Atomics.load(cells, RELEASED) === 0) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  answer(exchange, text);
}

/** Does what the query asks for, and answers whether the runtime let it. */
async function attempt(exchange: Exchange, query: URLSearchParams): Promise<void> {
  const value = query.get("value") ?? "";
  try {
    answer(exchange, `done: ${await attempts[query.get("what") ?? ""]?.(value)}`);
  } catch (error) {
    answer(
      exchange,
      error instanceof Error ? `refused: ${error.name}: ${error.message}` : "refused",
    );
  }
}

const attempts: Readonly<Record<string, (value: string) => Promise<unknown> | unknown>> = {
  read: (path) => Deno.readTextFileSync(path),
  write: (path) => Deno.writeTextFileSync(path, "x"),
  async dial(address) {
    const [hostname, port] = address.split(":");
    (await Deno.connect({ hostname, port: Number(port) })).close();
  },
  listen: (port) => Deno.listen({ hostname: "127.0.0.1", port: Number(port) }).close(),
  run: (program) => new Deno.Command(program).outputSync().success,
  env: (name) => Deno.env.get(name),
  sys: () => Deno.hostname(),
  ffi: (path) => Deno.dlopen(path, {}).close(),
  import: (url) => import(url),
  worker: (url) =>
    new Worker(url, {
      type: "module",
      deno: { permissions: { net: true, read: true, write: true, run: true, env: true } },
    }).terminate(),
};
