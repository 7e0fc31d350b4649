/** The streams of one worker (spec 01 section 4). @module */
import type { EdgeServices, RunningModule, SnapshotContext } from "../../gateway/module.ts";
import { streamBalancers, type StreamPool } from "../../gateway/stream_pool.ts";
import { UpstreamMaterial } from "../../gateway/upstream_files.ts";
import type { OpenConnections } from "../../http/server.ts";
import { closeQuietly } from "../../net/duplex.ts";
import type { Accepted } from "../../net/listen/listener.ts";
import { type ClientHello, protocolsIn } from "../../net/tls/client_hello.ts";
import { Arrival, type Arrived, MAX_HELLOS } from "./arrival.ts";
import { type Candidate, Choice } from "./choice.ts";
import { StreamConnection, type StreamServices } from "./connection.ts";
import { StreamLog } from "./log.ts";
import { type StreamRoute, streamRoute } from "./route.ts";
import type { StreamRouteConfig } from "./schema.ts";
import { candidateOf, listenersOf, streamRoutes } from "./table.ts";

/** The routes of one snapshot, and how their connections are logged. */
interface Serving {
  readonly byListener: ReadonlyMap<string, Choice<StreamRoute>>;
  readonly log: StreamLog;
  readonly services: StreamServices;
}

/** The streams of one worker. A connection has the route that it began on, over reloads. */
export class Streams {
  readonly #worker: EdgeServices;
  #serving: Serving | undefined;
  /** Connections whose route is not known yet. */
  #hellos = 0;

  constructor(worker: EdgeServices) {
    this.#worker = worker;
  }

  /** Whether it looks into the connections of a listener. */
  sharesTls(listener: string): boolean {
    return this.#serving?.byListener.get(listener)?.isByHello === true;
  }

  /** Whether a route matches that hello. */
  takesTls(listener: string, { serverName, bytes }: ClientHello): boolean {
    const choice = this.#serving?.byListener.get(listener);
    return choice?.of(serverName, protocolsIn(bytes)) !== undefined;
  }

  async start(snapshot: SnapshotContext): Promise<RunningModule> {
    const { config, files, clock, log } = snapshot;
    const material = new UpstreamMaterial(files);
    const compiled = await Promise.all(
      streamRoutes(config).map(async ({ route: table }) => {
        const pool = await poolOf(table, snapshot);
        return { table, route: streamRoute(table, snapshot, material, pool) };
      }),
    );
    const byListener = new Map<string, Choice<StreamRoute>>();
    for (const [address, entries] of Map.groupBy(compiled.flatMap(entriesOf), ([at]) => at)) {
      byListener.set(address, new Choice(entries.map(([, candidate]) => candidate)));
    }
    const logsAccess = config.stream?.access_log === true;
    const streamLog = new StreamLog(log, clock, logsAccess);
    const services: StreamServices = {
      clock: this.#worker.clock,
      onUnreachable: (route, label, { reason, message }) =>
        streamLog.unreachable(route, label, reason, message),
    };
    const serving = { byListener, log: streamLog, services };
    return {
      plan: () => undefined,
      serving: () => {
        this.#serving = serving;
      },
      // Connections go on: what they hold is theirs.
      stop() {},
    };
  }

  /** Serves one connection to its end; see `Codec` for all three. */
  async serve(accepted: Accepted, open: OpenConnections): Promise<void> {
    const { stream, facts } = accepted;
    const serving = this.#serving;
    const choice = serving?.byListener.get(facts.listener);
    if (serving === undefined || choice?.only === undefined) {
      throw new Error(`no stream route for ${facts.listener}`);
    }
    if (!choice.isByHello) {
      await this.#pass(accepted, choice.only, serving, open);
      return;
    }
    const arrived = await this.#arrive(choice, accepted, open);
    if (typeof arrived === "string") {
      closeQuietly(stream);
      serving.log.unmatched(facts.listener, arrived);
    } else await this.#pass(accepted, arrived.route, serving, open, arrived);
  }

  async #arrive(
    choice: Choice<StreamRoute>,
    { stream, facts }: Accepted,
    open: OpenConnections,
  ): Promise<Arrived | string> {
    if (this.#hellos >= MAX_HELLOS) return "too many connections have not said hello yet";
    const arrival = new Arrival(choice, stream, facts, this.#worker.clock);
    this.#hellos++;
    open.add(arrival);
    try {
      return await arrival.read();
    } finally {
      open.delete(arrival);
      this.#hellos--;
    }
  }

  async #pass(
    { stream, facts }: Accepted,
    route: StreamRoute,
    serving: Serving,
    open: OpenConnections,
    arrived?: Arrived,
  ): Promise<void> {
    if (!route.connections.tryTake(route.maxConnections)) {
      closeQuietly(stream);
      route.outcomes.rejected.count();
      serving.log.full(route);
      return;
    }
    const connection = new StreamConnection(route, stream, facts, serving.services, arrived);
    open.add(connection);
    const began = performance.now();
    try {
      const ending = await connection.serve();
      route.outcomes[ending.outcome].count();
      if (ending.outcome === "completed") {
        route.sent.add(ending.sent);
        route.received.add(ending.received);
      }
      serving.log.ended(route, ending, performance.now() - began);
    } finally {
      open.delete(connection);
      route.connections.giveBack();
    }
  }
}

async function poolOf(
  route: StreamRouteConfig,
  snapshot: SnapshotContext,
): Promise<StreamPool | undefined> {
  if (route.load_balance === undefined) return undefined;
  const [balancer] = snapshot.extensions(streamBalancers);
  if (balancer === undefined) throw new Error(`${route.name}: this build has no load balancer`);
  return await balancer.poolOf(route, snapshot);
}

/** A route as a candidate of each of its listeners. */
function entriesOf(
  { table, route }: { readonly table: StreamRouteConfig; readonly route: StreamRoute },
): [address: string, candidate: Candidate<StreamRoute>][] {
  const candidate = candidateOf(table, route);
  return listenersOf(table).map((address) => [address, candidate]);
}
