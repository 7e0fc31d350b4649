/**
 * The edge workers of a process: started together, replaced one by one when they die, reloaded all or
 * none, and exchanged for a new generation when a snapshot needs permissions that the old one lacks.
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Files, Module } from "../../gateway/module.ts";
import { type Disorder, ZoneRegistry } from "../../zones/registry.ts";
import type { RingReader } from "../../zones/ring.ts";
import type { SeriesValue } from "../../zones/series.ts";
import type { ZonesByName } from "../../zones/zones.ts";
import { type Deployment, filesFor } from "../deployment.ts";
import type { CounterTotals } from "../log/record_types.ts";
import { type FailedHeartbeat, HeartbeatMonitor } from "./heartbeat.ts";
import { covers, type RolePermissions } from "../permissions/plan.ts";
import type { LogSettings } from "../log/ring_logger.ts";
import { Backoff } from "./backoff.ts";
import { WorkerHandle } from "./worker_handle.ts";
import type {
  OpenedListener,
  ServiceLink,
  StartOrder,
  WorkerReport,
} from "./messages/worker_messages.ts";
import { SocketHolder } from "./socket_holder.ts";
import type { Pace } from "../pace.ts";
import { GENERATIONS, threadSlots } from "./zone_plan.ts";

/** How long a worker may take to close connections that are being cut. */
const CUT_MS = 1_000;
/** Snapshots back to which a dead worker may have held something in shared tables. */
const RECENT_LOADS = 2 * GENERATIONS;

/** What a snapshot is to the workers that run it. */
export interface Load {
  /** With the ports that were found for port 0. */
  readonly config: Config;
  /** What the modules asked the keeper to read. */
  readonly files: Files;
  readonly zones: ZoneRegistry;
  readonly permissions: RolePermissions;
  /** What `config` needs, and of the rest who is handed what. */
  readonly deployment: Deployment;
}

/** What a pool works with. */
export interface PoolOptions {
  readonly url: URL;
  readonly modules: readonly Module[];
  readonly pace: Required<Pace>;
  readonly log: Logger;
  readonly logSettings: LogSettings;
  /** Absent in a build that keeps nothing. */
  readonly counters: CounterTotals | undefined;
  /** A worker begins to say something in this ring. */
  onRing(ring: RingReader): void;
  /** A worker's log ring wants to be emptied. */
  onLog(): void;
  /** A worker is about to start; returns how its modules reach their services. */
  onStarting?(worker: WorkerHandle): readonly ServiceLink[];
  /** A worker that was to start, or has served, has ended; can be called more than once. */
  onEnded?(worker: WorkerHandle): void;
  /** A worker serves from now on. */
  onServing?(worker: WorkerHandle): void;
  /** It serves no longer; called once, and only after the other. */
  onGone?(worker: WorkerHandle): void;
  /** The thread in `slot` is gone, and its memory has been given up. */
  onForgotten?(slot: number): void;
}

/** A worker that should be there, whether it is at the moment or not. */
interface Seat {
  readonly slot: number;
  worker: WorkerHandle | undefined;
  readonly backoff: Backoff;
}

/** The workers of a process. */
export class WorkerPool {
  readonly #options: PoolOptions;
  #load: Load;
  /** The generation that accepts connections; the others are empty or finish what they have. */
  #seats: Seat[];
  /** Workers that finish what they have, and when they will have. */
  readonly #leaving = new Map<WorkerHandle, Promise<void>>();
  /** What the workers that are there have run, latest first: tables may have changed in between. */
  #recent: readonly Pick<Load, "config" | "zones" | "deployment">[];
  readonly #heartbeats = new HeartbeatMonitor();
  /** Workers whose beginning {@linkcode PoolOptions.onServing} has reported, and their end not yet. */
  readonly #serving = new Set<WorkerHandle>();
  /** Indices that a worker has had. */
  readonly #usedSlots = new Set<number>();
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();
  /** Starting, reloading and replacing happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Which worker serves the unix sockets. */
  readonly #sockets: SocketHolder;
  #stopping = false;
  #workerlessSince: number | undefined;

  constructor(load: Load, options: PoolOptions) {
    this.#options = options;
    this.#load = load;
    this.#recent = [recentOf(load)];
    this.#seats = seats(load.config, 0, options.pace.keeper);
    this.#sockets = new SocketHolder(load.deployment.listeners, options.log, () => this.#lowest());
  }

  /** How many workers accept connections. */
  get serving(): number {
    return this.#seats.filter(({ worker }) => worker !== undefined).length;
  }

  /** Milliseconds since the last worker that served died, at the keeper's pace; 0 while one serves. */
  get workerlessMs(): number {
    return this.#workerlessSince === undefined ? 0 : this.#now() - this.#workerlessSince;
  }

  #now(): number {
    return performance.now() * this.#options.pace.keeper;
  }

  /** Every counter of the process, those of lost workers included. */
  series(): readonly SeriesValue[] {
    return this.#options.counters?.read(this.#load.zones) ?? [];
  }

  /**
   * Starts all workers.
   *
   * @returns What they listen on, or why one could not start; then none is left.
   */
  start(): Promise<{ listeners: readonly OpenedListener[] } | { failure: string }> {
    return this.#exclusively(async () => {
      const reports = await Promise.all(this.#seats.map((seat) => this.#occupy(seat, this.#load)));
      const failed = reports.find((report) => report.kind === "failed");
      if (failed !== undefined) {
        this.#end();
        return { failure: failed.reason };
      }
      const sockets = await this.#sockets.give();
      if (sockets.kind === "failed") {
        this.#end();
        return { failure: sockets.reason };
      }
      return { listeners: [reports[0], sockets].flatMap(opened) };
    });
  }

  /**
   * Makes every worker serve by `load`. Unless all of them can, none does.
   *
   * @returns Why it could not be done, or nothing.
   */
  reload(load: Load): Promise<string | undefined> {
    return this.#exclusively(() => {
      if (this.#stopping) return Promise.resolve("the gateway is stopping");
      return covers(this.#load.permissions, load.permissions)
        ? this.#swap(load)
        : this.#succeed(load);
    });
  }

  /** Stops accepting and waits until the last connection has ended. */
  async drain(): Promise<void> {
    this.#stop();
    await this.#last;
    for (const worker of this.#leaving.keys()) this.#dismiss(worker, "drain");
    const serving = this.#seats.flatMap(({ worker }) => worker ?? []);
    await Promise.all(serving.map((worker) => worker.order({ kind: "close" })));
    for (const worker of serving) this.#dismiss(worker, "drain");
    await Promise.all(this.#leaving.values());
  }

  /** Ends every worker now. */
  abort(): void {
    this.#stop();
    this.#end();
  }

  /** To be called on every tick; returns a worker for which the process must end, if any. */
  tick(): FailedHeartbeat | undefined {
    for (const { worker } of this.#seats) if (worker !== undefined) endIfFaulty(worker);
    for (const worker of this.#leaving.keys()) endIfFaulty(worker);
    return this.#heartbeats.tick();
  }

  /** Every worker builds the snapshot beside its own; then all of them change over. */
  async #swap(load: Load): Promise<string | undefined> {
    const workers = this.#seats.flatMap(({ worker }) => worker ?? []);
    const { config } = load;
    const reports = await Promise.all(
      workers.map((worker) =>
        worker.order({ kind: "prepare", config, ...edgePart(load, worker.slot) })
      ),
    );
    const failed = reports.find((report) => report.kind === "failed");
    if (failed !== undefined) {
      for (const worker of workers) worker.post({ kind: "discard" });
      return failed.reason;
    }
    // From here on a worker that dies is replaced by one with the new snapshot.
    this.#adopt({ ...load, permissions: this.#load.permissions });
    await Promise.all(workers.map((worker) => worker.order({ kind: "commit" })));
    return undefined;
  }

  /** New workers start beside the old ones, which then finish what they have. */
  async #succeed(load: Load): Promise<string | undefined> {
    const next = seats(load.config, await this.#freeSlots(), this.#options.pace.keeper);
    const reports = await Promise.all(next.map((seat) => this.#occupy(seat, load)));
    const failed = reports.find((report) => report.kind === "failed");
    if (failed !== undefined) {
      for (const { worker } of next) if (worker !== undefined) this.#cut(worker);
      return failed.reason;
    }
    const sockets = await this.#sockets.give(next[0].worker);
    if (sockets.kind === "failed") {
      // Some may have moved: the worker that served them takes them back.
      await this.#sockets.give();
      for (const { worker } of next) if (worker !== undefined) this.#cut(worker);
      return sockets.reason;
    }
    const old = this.#seats.flatMap(({ worker }) => worker ?? []);
    this.#seats = next;
    this.#adopt(load);
    await Promise.all(old.map((worker) => worker.order({ kind: "hand-over" })));
    for (const worker of old) this.#dismiss(worker, "retire");
    return undefined;
  }

  /**
   * First index of an unused generation: its workers are new. When all are in use, the one that has
   * been leaving the longest has had its time.
   */
  async #freeSlots(): Promise<number> {
    const threads = this.#seats.length;
    const generation = (slot: number) => Math.floor(slot / threads);
    const isUsed = (index: number) =>
      generation(this.#seats[0].slot) === index ||
      [...this.#leaving.keys()].some(({ slot }) => generation(slot) === index);
    for (let index = 0; index < GENERATIONS; index++) {
      if (!isUsed(index)) return index * threads;
    }
    const [{ slot: oldest }] = this.#leaving.keys();
    await this.forceClose(({ slot }) => generation(slot) === generation(oldest));
    return generation(oldest) * threads;
  }

  #adopt(load: Load): void {
    this.#load = load;
    this.#recent = [recentOf(load), ...this.#recent].slice(0, RECENT_LOADS);
    this.#report(load.zones.apply());
  }

  /** Threads write shared memory, too: what they left there is worth a line in the log, and no more. */
  #report(disorders: readonly Disorder[]): void {
    if (disorders.length === 0) return;
    const [{ zone, reason }] = disorders;
    const more = disorders.length === 1 ? "" : `, and ${disorders.length - 1} more are not`;
    const what = `the shared memory ${zone} is not in order: ${reason}${more}`;
    this.#options.log.log("error", "fluxheim", what);
  }

  async #occupy(seat: Seat, load: Load): Promise<WorkerReport> {
    const { config, permissions } = load;
    const { url, modules, pace, logSettings } = this.#options;
    // The last worker there may have gone on for a moment after its end, or a lock was not free then.
    if (this.#usedSlots.has(seat.slot)) this.#reclaim(seat.slot);
    this.#usedSlots.add(seat.slot);
    const worker = new WorkerHandle(url, seat.slot, permissions.atStart, {
      onDeath: (dead, reason) => this.#onDeath(dead, reason),
      onLog: this.#options.onLog,
    });
    this.#options.onRing(worker.ring);
    const services = this.#options.onStarting?.(worker) ?? [];
    const order: StartOrder = {
      kind: "start",
      config,
      ...edgePart(load, seat.slot),
      listeners: load.deployment.listeners,
      memory: worker.memory,
      modules: modules.map(({ name }) => name),
      slot: seat.slot,
      slots: threadSlots(config),
      pace: pace.workers,
      log: logSettings,
      givenUp: permissions.givenUp,
      services,
    };
    const ports = services.flatMap(({ port }) => port ?? []);
    const report = await worker.order(order, undefined, ports);
    if (report.kind === "failed") {
      worker.terminate();
      this.#forget(worker);
      return report;
    }
    seat.worker = worker;
    seat.backoff.started();
    this.#workerlessSince = undefined;
    this.#heartbeats.watch(seat.slot, worker.heartbeat);
    this.#serving.add(worker);
    this.#options.onServing?.(worker);
    return report;
  }

  #onDeath(dead: WorkerHandle, reason: string): void {
    this.#options.log.log("error", "fluxheim", `worker ${dead.slot} died: ${reason}`);
    this.#heartbeats.unwatch(dead.slot);
    this.#leaving.delete(dead);
    this.#forget(dead);
    const seat = this.#seats.find(({ worker }) => worker === dead);
    if (seat === undefined) return;
    seat.worker = undefined;
    this.#gone(dead);
    if (!this.#stopping) void this.#sockets.lost(dead);
    if (this.serving === 0) this.#workerlessSince = this.#now();
    this.#replaceIn(seat.backoff.afterDeath(), seat);
  }

  #replaceIn(pauseMs: number, seat: Seat): void {
    if (this.#stopping) return;
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      void this.#exclusively(() => this.#replace(seat));
    }, pauseMs / this.#options.pace.keeper);
    this.#pauses.add(timer);
  }

  async #replace(seat: Seat): Promise<void> {
    if (this.#stopping || !this.#seats.includes(seat)) return;
    const { log } = this.#options;
    const report = await this.#occupy(seat, this.#load);
    if (report.kind !== "failed") {
      log.log("info", "fluxheim", `worker ${seat.slot} was replaced`);
      await this.#sockets.settle();
      return;
    }
    log.log("error", "fluxheim", `worker ${seat.slot} could not be replaced: ${report.reason}`);
    this.#replaceIn(seat.backoff.afterFailure(), seat);
  }

  /** Gives back what a worker held in shared memory. */
  #forget(worker: WorkerHandle): void {
    const { slot } = worker;
    this.#options.onEnded?.(worker);
    this.#options.counters?.retire(this.#load.zones, slot);
    this.#reclaim(slot);
  }

  #reclaim(slot: number): void {
    this.#report(ZoneRegistry.reclaim(this.#recent.map(({ zones }) => zones), slot));
    this.#options.onForgotten?.(slot);
  }

  /** Lets a worker finish what it has, and ends it. */
  #dismiss(worker: WorkerHandle, kind: "drain" | "retire"): void {
    const finished = worker.order({ kind }, Infinity).then(() => this.#cut(worker));
    this.#leaving.set(worker, finished);
    this.#gone(worker);
  }

  /** The worker with the lowest index that serves. */
  #lowest(): WorkerHandle | undefined {
    return this.#seats.find(({ worker }) => worker !== undefined)?.worker;
  }

  #gone(worker: WorkerHandle): void {
    if (this.#serving.delete(worker)) this.#options.onGone?.(worker);
  }

  /**
   * Ends workers that are leaving, with what connections they have: those that
   * {@linkcode WorkerPool.drain} waits for in vain, or a generation whose indices are needed again. A
   * request that is cut has its access record all the same.
   *
   * @param isMeant Of those that are leaving, who is ended; all of them unless it is given.
   */
  async forceClose(isMeant: (worker: WorkerHandle) => boolean = () => true): Promise<void> {
    const leaving = [...this.#leaving].filter(([worker]) => isMeant(worker));
    for (const [worker] of leaving) worker.post({ kind: "abort" });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CUT_MS);
    await Promise.race([Promise.all(leaving.map(([, finished]) => finished)), late]);
    clearTimeout(timer);
    for (const [worker] of leaving) this.#cut(worker);
  }

  /** Ends a worker, whatever it is doing. */
  #cut(worker: WorkerHandle): void {
    if (!worker.alive) return;
    this.#heartbeats.unwatch(worker.slot);
    worker.terminate();
    this.#gone(worker);
    this.#leaving.delete(worker);
    this.#forget(worker);
  }

  #stop(): void {
    this.#stopping = true;
    for (const timer of this.#pauses) clearTimeout(timer);
    this.#pauses.clear();
  }

  #end(): void {
    for (const seat of this.#seats) {
      if (seat.worker !== undefined) this.#cut(seat.worker);
      seat.worker = undefined;
    }
    for (const worker of this.#leaving.keys()) this.#cut(worker);
  }

  #exclusively<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => {});
    return result;
  }
}

/** What edge workers are handed of a snapshot beside its configuration. */
function edgePart(
  { deployment, files, zones }: Load,
  slot: number,
): { files: Files; zones: ZonesByName } {
  return {
    files: filesFor(deployment, "edge", files),
    zones: zones.sentTo("edge", slot),
  };
}

function opened(report: WorkerReport): readonly OpenedListener[] {
  return report.kind === "listening" ? report.listeners : [];
}

/** Ends a worker whose log ring breaks the rules. */
function endIfFaulty(worker: WorkerHandle): void {
  if (worker.ring.fault !== undefined) worker.kill(`it left ${worker.ring.fault}`);
}

/** Without the files, whose memory would be held for as long. */
function recentOf(
  { config, zones, deployment }: Load,
): Pick<Load, "config" | "zones" | "deployment"> {
  return { config, zones, deployment };
}

function seats(config: Config, first: number, pace: number): Seat[] {
  return Array.from(
    { length: config.server.process.threads },
    (_, index) => ({ slot: first + index, worker: undefined, backoff: new Backoff(pace) }),
  );
}
