/**
 * The main program of an edge worker: takes orders from the keeper, serves its share of the
 * connections to their end.
 *
 * @module
 */
import { deepFreeze } from "../../config/frozen.ts";
import type { Config } from "../../config/types.ts";
import { Gateway } from "../../gateway/gateway.ts";
import type { Metrics } from "../../gateway/reports/metrics.ts";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import type { Snapshot } from "../../gateway/snapshot.ts";
import type { ServiceRole } from "../../gateway/threads/thread.ts";
import type { Listener } from "../../net/listen/listener.ts";
import { ListenError } from "../../net/listen/listen_error.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { count } from "../../zones/count.ts";
import { Zones } from "../../zones/zones.ts";
import { WorkerGauges } from "../metrics/worker_gauges.ts";
import { EdgeListeners } from "./edge_listeners.ts";
import { EDGE_CALL, takeCalls } from "./messages/calls.ts";
import { OwnServices } from "./own_services.ts";
import type { ServingProfile } from "./profile.ts";
import { runThread, ThreadLife, traced } from "./thread_program.ts";
import { connectionsZone } from "./zone_plan.ts";
import type {
  PrepareOrder,
  StartOrder,
  WorkerOrder,
  WorkerReport,
} from "./messages/worker_messages.ts";

/**
 * Makes this thread an edge worker of `profile`. To be called once, by the profile's worker entry, while
 * that is evaluated.
 */
export function runEdgeWorker(profile: ServingProfile): void {
  runThread<WorkerOrder, WorkerReport>((first, onLogSegment) => {
    if (first.kind !== "start") throw new Error("the first order to a worker is to start");
    const worker = new EdgeWorker(first, profile, onLogSegment);
    return (order) => worker.obey(order);
  });
}

/** One worker at work. */
class EdgeWorker {
  readonly #zones: Zones;
  readonly #life: ThreadLife;
  readonly #metrics: Metrics;
  readonly #gateway: Gateway;
  readonly #sockets: UnixSockets | undefined;
  readonly #slot: number;
  /** Ports of the modules' own services; one that is replaced comes with another. */
  readonly #callPorts = new Map<string, () => void>();
  readonly #services = new OwnServices();
  #listeners: EdgeListeners | undefined;
  #prepared: { readonly config: Config; readonly snapshot: Snapshot } | undefined;

  constructor(
    { zones, memory, slot, slots, pace, log, services: links }: StartOrder,
    { modules, records }: ServingProfile,
    onLogSegment: () => void,
  ) {
    this.#slot = slot;
    this.#sockets = records?.sockets;
    this.#zones = new Zones(zones, { index: slot, count: slots });
    this.#life = new ThreadLife({
      name: `worker ${slot}`,
      memory,
      pace,
      log,
      records,
      onLogSegment,
    });
    this.#metrics = records?.counters.open(this.#zones, this.#life.log) ?? NO_METRICS;
    this.#life.log.lost = this.#metrics.counter("fluxheim_log_lines_lost_total", {});
    const services = {
      clock: this.#life.clock,
      log: this.#life.log,
      metrics: this.#metrics,
      zones: this.#zones,
      worker: slot,
      workers: slots,
      service: (module: string, role: ServiceRole) => this.#services.of(module, role),
    };
    for (const link of links) this.#services.link(link);
    this.#gateway = new Gateway(services, modules);
  }

  /** Takes levels on every tick, where they are shown. */
  #followGauges({ listeners, slot }: StartOrder): void {
    if (this.#metrics === NO_METRICS) return;
    const { clock } = this.#life;
    const counts = listeners.map(({ address }) =>
      [address, this.#zones.open(count, connectionsZone(address))] as const
    );
    const gauges = new WorkerGauges(this.#metrics, slot, clock.pace, () => ({
      requests: this.#gateway.inFlight,
      streams: this.#listeners?.streams ?? 0,
      connections: counts.map(([address, count]) => [address, count.own] as const),
    }));
    clock.every(() => gauges.tick());
  }

  async obey(order: WorkerOrder): Promise<WorkerReport | undefined> {
    switch (order.kind) {
      case "start":
        return await this.#start(order);
      case "prepare":
        return await this.#prepare(order);
      case "commit":
        return await this.#commit();
      case "discard":
        await this.#discard();
        return undefined;
      case "take-sockets":
        return await this.#takeSockets();
      case "close":
        await this.#listeners?.close();
        return { kind: "closed" };
      case "hand-over":
        await this.#listeners?.handOver();
        return { kind: "closed" };
      case "drain":
        await this.#listeners?.drain();
        return await this.#drained();
      case "retire":
        await this.#listeners?.retire();
        return await this.#drained();
      case "abort":
        this.#listeners?.abort();
        return undefined;
      case "calls":
        this.#takeCalls(order);
        return undefined;
      case "service":
        this.#services.link(order);
        return undefined;
    }
  }

  async #start(order: StartOrder): Promise<WorkerReport> {
    const { config, files, zones, modules, listeners, givenUp } = order;
    // A rule whose module is missing here would be checked by the keeper and not enforced.
    const here = this.#gateway.modules.map(({ name }) => name).join(", ");
    const asked = modules.join(", ");
    if (here !== asked) {
      const reason =
        `the worker's entry has the modules ${here}; those of its profile are ${asked}`;
      return { kind: "failed", reason };
    }
    this.#life.start();
    const prepared = await this.#prepare({ config, files, zones });
    if (prepared.kind === "failed") return prepared;
    await this.#commit();
    try {
      this.#listeners = await EdgeListeners.open(config, listeners, this.#listenerTls(), {
        handler: this.#gateway,
        codecs: this.#gateway.codecs,
        clock: this.#life.clock,
        log: this.#life.log,
        metrics: this.#metrics,
        zones: this.#zones,
        sockets: this.#sockets,
        givenUp,
      });
    } catch (error) {
      return failure(error);
    }
    this.#followGauges(order);
    return listening(this.#listeners.listeners);
  }

  async #takeSockets(): Promise<WorkerReport> {
    if (this.#listeners === undefined) return { kind: "failed", reason: "nothing is bound yet" };
    try {
      return listening(await this.#listeners.takeSockets());
    } catch (error) {
      return failure(error);
    }
  }

  async #prepare({ config, files, zones }: Omit<PrepareOrder, "kind">): Promise<WorkerReport> {
    await this.#discard();
    this.#zones.adopt(zones);
    try {
      this.#prepared = { config, snapshot: await this.#gateway.prepare(deepFreeze(config), files) };
    } catch (error) {
      this.#zones.discard();
      return failure(error);
    }
    return { kind: "prepared" };
  }

  async #commit(): Promise<WorkerReport> {
    const prepared = this.#prepared;
    if (prepared === undefined) return { kind: "failed", reason: "nothing is prepared" };
    this.#prepared = undefined;
    this.#zones.commit();
    const fields = prepared.snapshot.modules.flatMap(({ accessFields = [] }) => accessFields);
    this.#life.log.useAccessLog(prepared.config.logging.access, fields);
    await this.#gateway.commit(prepared.snapshot);
    await this.#updateTls();
    return { kind: "committed" };
  }

  #listenerTls(): TlsListenerSpec | undefined {
    return this.#gateway.snapshot?.listenerTls;
  }

  /** Certificates were checked when the snapshot was built; what still fails leaves the old ones. */
  async #updateTls(): Promise<void> {
    const tls = this.#listenerTls();
    if (tls === undefined) return;
    try {
      await this.#listeners?.updateTls(tls);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#life.log.log(
        "error",
        "fluxheim::tls",
        `new certificates could not be taken up: ${reason}`,
      );
    }
  }

  async #discard(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    this.#zones.discard();
    await prepared?.snapshot.stop();
  }

  #takeCalls({ module, port }: WorkerOrder & { readonly kind: "calls" }): void {
    const { log } = this.#life;
    this.#callPorts.get(module)?.();
    const close = takeCalls(port, {
      names: new Set([EDGE_CALL]),
      answer: (_name, message) => this.#gateway.call(module, message),
      onFailure: (error) => log.log("error", "fluxheim", `a call to ${module}: ${traced(error)}`),
      onFault: (reason) => {
        log.log("error", "fluxheim::security", `calls to ${module} are refused: ${reason}`);
      },
    });
    this.#callPorts.set(module, close);
  }

  async #drained(): Promise<WorkerReport> {
    await this.#gateway.stop();
    return { kind: "drained" };
  }
}

function listening(listeners: readonly Listener[]): WorkerReport {
  return {
    kind: "listening",
    listeners: listeners.map(({ name, description }) => ({ name, description })),
  };
}

/** A failure an operator may have caused is reported in its own words, any other with its origin. */
function failure(error: unknown): WorkerReport {
  if (error instanceof ListenError) return { kind: "failed", reason: error.message };
  return { kind: "failed", reason: traced(error) };
}
