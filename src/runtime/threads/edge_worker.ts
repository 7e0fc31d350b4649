/**
 * The main program of an edge worker: takes orders from the keeper, serves its share of the
 * connections to their end.
 *
 * @module
 */
import { deepFreeze } from "../../config/frozen.ts";
import type { Config } from "../../config/types.ts";
import { Gateway } from "../../gateway/gateway.ts";
import type { Metrics } from "../../gateway/metrics.ts";
import { NO_METRICS } from "../../gateway/metrics_none.ts";
import type { Snapshot } from "../../gateway/snapshot.ts";
import { Clock } from "../../net/clock.ts";
import { ListenError } from "../../net/listen/listen_error.ts";
import type { TlsListenerSpec } from "../../net/tls/spec.ts";
import { Zones } from "../../zones/zones.ts";
import { EdgeListeners } from "./edge_listeners.ts";
import { beat, HEAP_FULL, reportFullHeap } from "./heart.ts";
import { HeapWatch } from "./heap.ts";
import { isOfPeer } from "../log/peer_failure.ts";
import type { ServingProfile } from "./profile.ts";
import { RingLogger } from "../log/ring_logger.ts";
import { heartOf, ringWriter } from "./thread_memory.ts";
import type {
  Birth,
  OrderEnvelope,
  PrepareOrder,
  ReportEnvelope,
  StartOrder,
  WorkerOrder,
  WorkerReport,
} from "./worker_messages.ts";

/**
 * Makes this thread an edge worker of `profile`. To be called once, by the profile's worker entry, while
 * that is evaluated.
 */
export function runEdgeWorker(profile: ServingProfile): void {
  addEventListener("message", (event) => {
    if (!(event instanceof MessageEvent)) return;
    const { port }: Birth = event.data;
    let worker: EdgeWorker | undefined;
    const send = (id: number, report: WorkerReport) => {
      const envelope: ReportEnvelope = { id, report };
      port.postMessage(envelope);
    };
    port.onmessage = async ({ data }: MessageEvent<OrderEnvelope>) => {
      const { id, order } = data;
      if (order.kind === "start") {
        worker = new EdgeWorker(order, profile, () => send(0, { kind: "log" }));
      }
      const report = await worker?.obey(order);
      if (report !== undefined) send(id, report);
    };
  }, { once: true });
}

/** One worker at work. */
class EdgeWorker {
  readonly #zones: Zones;
  readonly #log: RingLogger;
  readonly #metrics: Metrics;
  readonly #clock = new Clock();
  readonly #gateway: Gateway;
  readonly #slot: number;
  readonly #heart: Int32Array;
  #listeners: EdgeListeners | undefined;
  #heap: HeapWatch | undefined;
  #prepared: { readonly config: Config; readonly snapshot: Snapshot } | undefined;

  constructor(
    { zones, memory, slot, slots, log }: StartOrder,
    { modules, records }: ServingProfile,
    onLogSegment: () => void,
  ) {
    this.#slot = slot;
    this.#zones = new Zones(zones, { index: slot, count: slots });
    this.#heart = heartOf(memory);
    this.#log = new RingLogger(ringWriter(memory, onLogSegment), log, records);
    this.#metrics = records?.counters.open(this.#zones, this.#log) ?? NO_METRICS;
    const services = {
      clock: this.#clock,
      log: this.#log,
      metrics: this.#metrics,
      zones: this.#zones,
      worker: slot,
      workers: slots,
    };
    this.#gateway = new Gateway(services, modules);
    this.#leaveLastWords();
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
    }
  }

  async #start({ config, files, zones, modules, givenUp }: StartOrder): Promise<WorkerReport> {
    // A rule whose module is missing here would be checked by the keeper and kept by nobody.
    const here = this.#gateway.modules.map(({ name }) => name).join(", ");
    const asked = modules.join(", ");
    if (here !== asked) {
      const reason =
        `the worker's entry has the modules ${here}; those of its profile are ${asked}`;
      return { kind: "failed", reason };
    }
    this.#clock.every(() => beat(this.#heart));
    this.#heap = new HeapWatch(() => {
      reportFullHeap(this.#heart);
      // Whatever this thread did now could be what ends the process before the keeper can say why.
      Atomics.wait(this.#heart, 0, HEAP_FULL);
    });
    this.#clock.start();
    const prepared = await this.#prepare({ config, files, zones });
    if (prepared.kind === "failed") return prepared;
    await this.#commit();
    try {
      this.#listeners = await EdgeListeners.open(config, this.#listenerTls(), {
        handler: this.#gateway,
        clock: this.#clock,
        log: this.#log,
        metrics: this.#metrics,
        zones: this.#zones,
        givenUp,
      });
    } catch (error) {
      return failure(error);
    }
    const opened = this.#listeners.listeners.map(({ name, door }) => ({ name, door }));
    return { kind: "listening", listeners: opened };
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
    this.#log.useAccessLog(prepared.config.logging.access);
    await this.#gateway.commit(prepared.snapshot);
    await this.#updateTls();
    return { kind: "committed" };
  }

  #listenerTls(): TlsListenerSpec | undefined {
    const modules = this.#gateway.snapshot?.modules ?? [];
    return modules.find((module) => module.listenerTls !== undefined)?.listenerTls;
  }

  /** Certificates were checked when the snapshot was built; what still fails leaves the old ones. */
  async #updateTls(): Promise<void> {
    const tls = this.#listenerTls();
    if (tls === undefined) return;
    try {
      await this.#listeners?.updateTls(tls);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.log("error", "fluxheim::tls", `new certificates could not be taken up: ${reason}`);
    }
  }

  async #discard(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    this.#zones.discard();
    await prepared?.snapshot.stop();
  }

  async #drained(): Promise<WorkerReport> {
    await this.#gateway.stop();
    return { kind: "drained" };
  }

  /**
   * An error that nobody caught ends this thread, and where it came from must be known afterwards; unless
   * it is of one connection, which has ended by it anyway.
   */
  #leaveLastWords(): void {
    const end = (error: unknown) => {
      const what = `worker ${this.#slot} ends by an uncaught error: ${traced(error)}`;
      this.#log.log("error", "fluxheim", what);
    };
    addEventListener("error", (event) => end(event.error ?? event.message));
    addEventListener("unhandledrejection", (event) => {
      const { reason } = event;
      if (!isOfPeer(reason)) return end(reason);
      event.preventDefault();
      this.#log.log("error", "fluxheim", `fault: nobody waited for a failure: ${traced(reason)}`);
    });
  }
}

function traced(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** A failure an operator may have caused is told in its own words, any other with its origin. */
function failure(error: unknown): WorkerReport {
  if (error instanceof ListenError) return { kind: "failed", reason: error.message };
  return { kind: "failed", reason: traced(error) };
}
