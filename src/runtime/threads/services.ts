/**
 * The services of a process, as the keeper has them: each a thread of its own. Those that serving needs start
 * before the edge workers, the others when these serve. One that dies, or whose event loop stops, is replaced.
 *
 * @module
 */
import type { Logger } from "../../gateway/reports/log.ts";
import type { ServiceRole } from "../../gateway/module.ts";
import type { ProcessState } from "../../gateway/threads/service.ts";
import { filesFor, type ServiceNeed, tablesFor } from "../deployment.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import type { RingReader } from "../../zones/ring.ts";
import type { SeriesValue } from "../../zones/series.ts";
import { MAX_STOPPED_THREADS, serviceSlot, threadSlots } from "./zone_plan.ts";
import { covers, type RolePermissions, workerPermissions } from "../permissions/plan.ts";
import { equal } from "../reload/compare.ts";
import { sameFiles } from "../reload/requested_files.ts";
import { within } from "../within.ts";
import { Backoff } from "./backoff.ts";
import { CallPorts, type KeeperCalls, type ServiceThread } from "./messages/call_ports.ts";
import { type FailedHeartbeat, HEARTBEAT_LIMIT_MS, HeartbeatMonitor } from "./heartbeat.ts";
import { entryOf, type ServiceEntries } from "./profile.ts";
import { parseServiceReport, type ServicePart } from "./messages/service_messages.ts";
import { Thread } from "./thread.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import type { ServiceLink } from "./messages/worker_messages.ts";
import type { Load } from "./worker_pool.ts";
import type { LogSettings } from "../log/ring_logger.ts";
import type { CounterTotals } from "../log/record_types.ts";
import type { MetricSpec } from "../../gateway/reports/metrics.ts";
import { Readings } from "./readings.ts";

/** Time for a service to end by itself, unless it asks for more. */
const STOP_MS = 1_000;
const MAX_STOP_MS = 30_000;
/** Time in which a thread whose event loop runs beats more than once. */
const BEAT_MS = 2_000;
/** Configurations back to which a service may hold something in shared memory. */
const RECENT_LOADS = 16;

/** Whether a service is there: 1, or 0. */
const UP = "fluxheim_service_up";

/** What services work with. */
export interface ServicesOptions {
  readonly log: Logger;
  readonly logSettings: LogSettings;
  /** Whether the keeper may use the whole network; see {@linkcode workerPermissions}. */
  readonly blanketNet: boolean;
  readonly keeperCalls: KeeperCalls;
  /** Entries of the build's services. */
  readonly entries: ServiceEntries | undefined;
  /** Every metric of this build. */
  readonly metricSpecs: readonly MetricSpec[];
  /** What lost threads have counted; `undefined` in a build that keeps nothing. */
  readonly counters: CounterTotals | undefined;
  /** How fast limits and pauses pass (`pace.ts`). */
  readonly pace: number;
  /** A service begins to log in this ring. */
  onRing(ring: RingReader): void;
  /** A service's log ring wants to be emptied. */
  onLog(): void;
}

/** A service that should be there, whether it is at the moment or not. */
interface Seat {
  readonly need: ServiceNeed;
  readonly role: ServiceRole;
  readonly backoff: Backoff;
  thread: ServiceThread | undefined;
  permissions: RolePermissions | undefined;
  /** What it was handed last. */
  part: ServicePart | undefined;
}

/** All services of a process. */
export class Services {
  readonly #options: ServicesOptions;
  #load: Load;
  #state: ProcessState;
  #seats: Seat[] = [];
  /** Memories of the configurations that services may have seen, latest first. */
  #zones: readonly ZoneRegistry[];
  readonly #ports: CallPorts;
  readonly #heartbeats = new HeartbeatMonitor<ServiceRole>();
  readonly #readings: Readings;
  /** How many threads of a role have stopped. They may run for as long as the process does. */
  readonly #stopped = new Map<ServiceRole, number>();
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();
  /** Starting, reloading and replacing happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(load: Load, state: ProcessState, options: ServicesOptions) {
    this.#load = load;
    this.#state = state;
    this.#options = options;
    this.#zones = [load.zones];
    this.#readings = new Readings(options.counters, () => this.#load.zones);
    this.#ports = new CallPorts(() => this.#seats, options.keeperCalls, options.log);
  }

  /**
   * Starts what must be up before an edge worker serves by `load`, and is not there yet.
   *
   * @returns Why one cannot start, or nothing. Then {@linkcode reload} with what is served ends the others.
   */
  startNeeded(load: Load): Promise<string | undefined> {
    return this.#exclusively(async () => {
      const missing = load.deployment.services
        .filter(({ spec }) => spec.startsBefore === "serving" && !this.#has(spec.role))
        .map((need) => this.#newSeat(need));
      this.#seats = [...this.#seats, ...missing];
      this.#remember(load.zones);
      const failures = await Promise.all(missing.map((seat) => this.#launch(seat, load)));
      return failures.find((failure) => failure !== undefined);
    });
  }

  /** Starts every service that the configuration needs. One that cannot start is tried again. */
  start(): Promise<void> {
    return this.#exclusively(async () => {
      const added = this.#load.deployment.services
        .filter(({ spec }) => !this.#has(spec.role))
        .map((need) => this.#newSeat(need));
      this.#seats = [...this.#seats, ...added];
      await Promise.all(added.map((seat) => this.#fill(seat)));
    });
  }

  /** Takes up the configuration that the edge workers serve by. */
  reload(load: Load): Promise<void> {
    return this.#exclusively(async () => {
      this.#load = load;
      this.#remember(load.zones);
      const wanted = load.deployment.services;
      for (const seat of this.#seats) {
        if (!wanted.some(({ spec }) => spec.role === seat.role)) await this.#end(seat);
      }
      this.#seats = wanted.map((need) =>
        this.#seats.find(({ role }) => role === need.spec.role) ?? this.#newSeat(need)
      );
      await Promise.all(this.#seats.map((seat) => this.#renew(seat)));
    });
  }

  /** Reports to every service whether the process serves. */
  setState(state: ProcessState): void {
    if (equal(state, this.#state)) return;
    this.#state = state;
    for (const { thread } of this.#seats) thread?.post({ kind: "state", state });
  }

  /** An edge worker is about to start; returns how its modules reach their services. */
  attach(worker: WorkerHandle): readonly ServiceLink[] {
    return this.#ports.attach(worker);
  }

  /** An edge worker has ended. */
  detach(worker: WorkerHandle): void {
    this.#ports.detach(worker);
  }

  /** An edge worker has begun to serve. */
  addEdge(worker: WorkerHandle): void {
    this.#ports.addServing(worker);
    this.#readings.added(worker.slot);
  }

  /** The thread of an edge worker is gone, with its memory. */
  forgetEdge(slot: number): void {
    this.#readings.removed(slot);
  }

  /** It serves no longer. */
  removeEdge(worker: WorkerHandle): void {
    this.#ports.removeServing(worker);
  }

  /** To be called on every tick; returns a service for which the process must end, if any. */
  tick(): FailedHeartbeat<ServiceRole> | undefined {
    for (const { thread } of this.#seats) {
      if (thread?.ring.fault !== undefined) thread.kill(`it left ${thread.ring.fault}`);
    }
    const failed = this.#heartbeats.tick();
    if (failed === undefined) return undefined;
    const seat = this.#seats.find(({ role }) => role === failed.slot);
    if (failed.cause === "heap full" || seat?.need.spec.whenLost === "end") return failed;
    this.#heartbeats.unwatch(failed.slot);
    if (seat !== undefined) this.#lose(seat);
    return undefined;
  }

  /** The series of the keeper's own about services, which their threads cannot keep. */
  series(): readonly SeriesValue[] {
    return this.#seats.map(({ role, thread }) => {
      const value = thread === undefined ? 0 : 1;
      return { name: UP, labels: { role }, kind: "gauge", value, cells: [value] };
    });
  }

  /** Ends every service, in the time that each has for it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#pauses) clearTimeout(timer);
    this.#pauses.clear();
    // One that is being started is ended by its start.
    await within(STOP_MS, this.#last);
    await Promise.all(this.#seats.map((seat) => this.#end(seat)));
  }

  /** What a role does not have now is `unavailable`; for tests and for the log. */
  get available(): readonly ServiceRole[] {
    return this.#seats.flatMap(({ role, thread }) => thread === undefined ? [] : [role]);
  }

  /** Starts a service, and tries again later where that fails. */
  async #fill(seat: Seat): Promise<void> {
    // A reload may have filled it before its pause was over.
    if (this.#stopping || seat.thread !== undefined || !this.#seats.includes(seat)) return;
    if (!this.#mayStart(seat.role)) return;
    const failure = await this.#launch(seat, this.#load);
    if (failure === undefined) return;
    this.#options.log.log("error", "fluxheim", failure);
    this.#fillIn(seat.backoff.afterFailure(), seat);
  }

  /** Starts a service once; returns why it could not be done. */
  async #launch(seat: Seat, load: Load): Promise<string | undefined> {
    const { role, need } = seat;
    const { spec } = need;
    if (!this.#mayStart(role)) return `the service ${role} has stopped too often in this process`;
    const { log, logSettings, entries, onRing, onLog } = this.#options;
    const url = entryOf(spec, entries);
    if (url === undefined) {
      return `the service ${role} cannot start: its profile has no entry for it`;
    }
    const permissions = this.#permissionsOf(role, load);
    // The last thread there may have gone on for a moment after its end, or a lock was not free then.
    this.#reclaim(role);
    const part = this.#partOf(seat, load);
    const { config } = load;
    const thread: ServiceThread = new Thread(
      {
        name: role,
        url,
        permissions: permissions.atStart,
        parse: parseServiceReport,
      },
      { onDeath: (reason) => this.#onDeath(seat, thread, reason), onLog },
    );
    onRing(thread.ring);
    const report = await thread.order({
      kind: "start",
      role,
      modules: need.modules,
      slot: { index: this.#slotOf(role), count: threadSlots(config) },
      ...part,
      memory: thread.memory,
      log: logSettings,
      asks: spec.asks,
      reads: this.#readings.begin(role, (order) => thread.post(order)),
      processStartMs: performance.timeOrigin,
      metricSpecs: this.#options.metricSpecs,
      state: this.#state,
      givenUp: permissions.givenUp,
    });
    if (report.kind === "failed") {
      const hasStopped = report.isLate === true && !await beats(thread);
      thread.terminate();
      this.#readings.end(role);
      this.#reclaim(role);
      if (hasStopped) this.#countStopped(role);
      return `the service ${role} could not start: ${report.reason}`;
    }
    if (this.#stopping) {
      thread.terminate();
      return undefined;
    }
    seat.thread = thread;
    seat.permissions = permissions;
    seat.part = part;
    seat.backoff.started();
    this.#heartbeats.watch(role, thread.heartbeat);
    this.#ports.join(seat);
    this.#showUp(role, 1);
    this.#readings.added(this.#slotOf(role));
    // It may have changed since the order was given.
    thread.post({ kind: "state", state: this.#state });
    log.log("info", "fluxheim", `the service ${role} runs`);
    return undefined;
  }

  /** Hands a service that is there what has changed for it; starts one that is not. */
  async #renew(seat: Seat): Promise<void> {
    const { thread, role } = seat;
    if (thread === undefined) return await this.#fill(seat);
    const permissions = this.#permissionsOf(role, this.#load);
    if (seat.permissions === undefined || !covers(seat.permissions, permissions)) {
      await this.#end(seat);
      return await this.#fill(seat);
    }
    const part = this.#partOf(seat, this.#load);
    if (samePart(part, seat.part)) return;
    seat.part = part;
    const report = await thread.order({ kind: "reload", ...part });
    if (report.kind === "failed") {
      thread.kill(`it could not take up the configuration: ${report.reason}`);
    }
  }

  #onDeath(seat: Seat, thread: ServiceThread, reason: string): void {
    // Whether it had started or not: its report settles what waits for that.
    if (seat.thread !== thread) return;
    this.#options.log.log("error", "fluxheim", `the service ${seat.role} died: ${reason}`);
    this.#vacate(seat);
    this.#reclaim(seat.role);
    this.#fillIn(seat.backoff.afterDeath(), seat);
  }

  /** The event loop of a service has stopped: its thread may run for as long as the process does. */
  #lose(seat: Seat): void {
    const { role } = seat;
    seat.thread?.terminate();
    this.#vacate(seat);
    this.#reclaim(role);
    this.#countStopped(role);
    const seconds = HEARTBEAT_LIMIT_MS / 1000 / this.#options.pace;
    const until = this.#mayStart(role) ? "until it is replaced" : "until the process is restarted";
    const text = `the service ${role} is unavailable ${until}: ` +
      `it has not run its event loop for ${seconds} s`;
    this.#options.log.log("error", "fluxheim", text);
    this.#fillIn(seat.backoff.afterFailure(), seat);
  }

  #countStopped(role: ServiceRole): void {
    this.#stopped.set(role, (this.#stopped.get(role) ?? 0) + 1);
  }

  /** Whether there may be one more thread of this role beside those that have stopped. */
  #mayStart(role: ServiceRole): boolean {
    return (this.#stopped.get(role) ?? 0) < MAX_STOPPED_THREADS;
  }

  #has(role: ServiceRole): boolean {
    return this.#seats.some((seat) => seat.role === role);
  }

  #fillIn(pauseMs: number, seat: Seat): void {
    if (this.#stopping) return;
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      void this.#exclusively(() => this.#fill(seat));
    }, pauseMs / this.#options.pace);
    this.#pauses.add(timer);
  }

  /** The thread of `seat` is gone: its callers get no answer. */
  #vacate(seat: Seat): void {
    seat.thread = undefined;
    this.#showUp(seat.role, 0);
    this.#readings.end(seat.role);
    this.#heartbeats.unwatch(seat.role);
    this.#ports.leave(seat);
  }

  async #end(seat: Seat): Promise<void> {
    const { thread } = seat;
    if (thread === undefined) return;
    this.#vacate(seat);
    const { stopMs = STOP_MS } = seat.need.spec;
    const limitMs = Math.min(stopMs, MAX_STOP_MS);
    const isOver = await within(limitMs, thread.order({ kind: "stop" }, limitMs));
    const hasStopped = !isOver && !this.#stopping && !await beats(thread);
    thread.terminate();
    this.#reclaim(seat.role);
    if (hasStopped) this.#countStopped(seat.role);
  }

  #remember(zones: ZoneRegistry): void {
    if (!this.#zones.includes(zones)) this.#zones = [zones, ...this.#zones].slice(0, RECENT_LOADS);
  }

  #showUp(role: ServiceRole, up: 0 | 1): void {
    this.#options.counters?.metrics.gauge(UP, { role }).set(up);
  }

  /** Gives back what the service held in shared memory. */
  #reclaim(role: ServiceRole): void {
    const slot = this.#slotOf(role);
    this.#readings.retire(slot);
    for (const { zone, reason } of ZoneRegistry.reclaim(this.#zones, slot)) {
      const what = `the shared memory ${zone} is not in order: ${reason}`;
      this.#options.log.log("error", "fluxheim", what);
    }
    this.#readings.removed(slot);
  }

  #permissionsOf(role: ServiceRole, { deployment }: Load): RolePermissions {
    const { blanketNet } = this.#options;
    return workerPermissions(deployment.plan, role, { blanketNet });
  }

  #slotOf(role: ServiceRole): number {
    return serviceSlot(this.#load.config, role, this.#stopped.get(role));
  }

  #partOf({ role, need: { spec } }: Seat, load: Load): ServicePart {
    const { config, deployment, files, zones } = load;
    return {
      config: tablesFor(config, spec.tables),
      files: filesFor(deployment, role, files),
      zones: zones.sentTo(role, this.#slotOf(role)),
    };
  }

  #newSeat(need: ServiceNeed): Seat {
    return {
      need,
      role: need.spec.role,
      backoff: new Backoff(this.#options.pace),
      thread: undefined,
      permissions: undefined,
      part: undefined,
    };
  }

  #exclusively<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => {});
    return result;
  }
}

/** Whether the event loop of a thread runs. */
async function beats({ heartbeat }: ServiceThread): Promise<boolean> {
  const before = heartbeat.beats;
  await new Promise((resolve) => setTimeout(resolve, BEAT_MS));
  return heartbeat.beats !== before;
}

function samePart(one: ServicePart, other: ServicePart | undefined): boolean {
  if (other === undefined || !equal(one.config, other.config)) return false;
  if (!sameFiles(one.files, other.files) || one.zones.size !== other.zones.size) return false;
  return [...one.zones].every(([name, { number }]) => other.zones.get(name)?.number === number);
}
