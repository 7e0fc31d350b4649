/** TCP streams at work (spec 01 section 4). @module */
import type { Codec } from "../../gateway/codec.ts";
import type {
  EdgeModule,
  EdgePart,
  EdgeServices,
  RunningModule,
  SnapshotContext,
} from "../../gateway/module.ts";
import { UpstreamMaterial } from "../../gateway/upstream_files.ts";
import type { OpenConnections } from "../../http/server.ts";
import { closeQuietly } from "../../net/duplex.ts";
import type { Accepted } from "../../net/listen/listener.ts";
import { StreamConnection } from "./connection.ts";
import { StreamLog } from "./log.ts";
import { type StreamRoute, streamRoute } from "./route.ts";
import { STREAM_CODEC, streamRoutes } from "./table.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "stream-proxy",
  open: (worker) => new Streams(worker),
};

/** The routes of one snapshot, and how their connections are logged. */
interface Serving {
  readonly byListener: ReadonlyMap<string, StreamRoute>;
  readonly log: StreamLog;
}

/** The streams of one worker. A connection has the route that it began on, over reloads. */
class Streams implements EdgePart {
  readonly codecs: readonly Codec[];
  readonly #worker: EdgeServices;
  #serving: Serving | undefined;

  constructor(worker: EdgeServices) {
    this.#worker = worker;
    this.codecs = [{
      name: STREAM_CODEC,
      serve: (accepted, open) => this.#serve(accepted, open),
    }];
  }

  start(snapshot: SnapshotContext): RunningModule {
    const { config, files, clock, log } = snapshot;
    const material = new UpstreamMaterial(files);
    const byListener = new Map<string, StreamRoute>();
    for (const { route } of streamRoutes(config)) {
      const compiled = streamRoute(route, snapshot, material);
      for (const address of route.listen) byListener.set(address, compiled);
    }
    const logsAccess = config.stream?.access_log === true;
    const serving = { byListener, log: new StreamLog(log, clock, logsAccess) };
    return {
      plan: () => undefined,
      serving: () => {
        this.#serving = serving;
      },
      // Connections go on: what they hold is theirs.
      stop() {},
    };
  }

  async #serve({ stream, facts }: Accepted, open: OpenConnections): Promise<void> {
    const serving = this.#serving;
    const route = serving?.byListener.get(facts.listener);
    if (serving === undefined || route === undefined) {
      throw new Error(`no stream route for ${facts.listener}`);
    }
    if (!route.connections.tryTake(route.maxConnections)) {
      closeQuietly(stream);
      route.outcomes.rejected.count();
      serving.log.full(route);
      return;
    }
    const { clock, log } = this.#worker;
    const connection = new StreamConnection(route, stream, facts, { clock, log });
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
