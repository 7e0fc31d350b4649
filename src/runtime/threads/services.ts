/**
 * The services of a process, as the keeper has them: each a thread of its own, started when the edge workers
 * serve, replaced when it dies, and given up when its event loop stops.
 *
 * @module
 */
import type { Logger } from "../../gateway/log.ts";
import type { ServiceRole } from "../../gateway/module.ts";
import type { ProcessState } from "../../gateway/service.ts";
import type { Plain } from "../../gateway/thread.ts";
import { filesFor, type ServiceNeed, tablesFor } from "../deployment.ts";
import { ZoneRegistry } from "../../zones/registry.ts";
import type { RingReader } from "../../zones/ring.ts";
import { serviceSlot, threadSlots } from "./zone_plan.ts";
import { covers, type RolePermissions, workerPermissions } from "../permissions/plan.ts";
import { equal } from "../reload/compare.ts";
import { sameFiles } from "../reload/requested_files.ts";
import { within } from "../within.ts";
import { Backoff } from "./backoff.ts";
import { askedOf, EDGES, takeCalls } from "./calls.ts";
import { type FailedHeart, HEART_LIMIT_MS, HeartMonitor } from "./heart.ts";
import {
  parseServiceReport,
  type ServiceOrder,
  type ServicePart,
  type ServiceReport,
} from "./service_messages.ts";
import { Thread } from "./thread.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import type { Load } from "./worker_pool.ts";
import type { LogSettings } from "../log/ring_logger.ts";

/** Time for a service to end by itself. */
const STOP_MS = 1_000;

/** What services work with. */
export interface ServicesOptions {
  readonly log: Logger;
  readonly logSettings: LogSettings;
  /** Whether the keeper may use the whole network; see {@linkcode workerPermissions}. */
  readonly blanketNet: boolean;
  /** What services may ask of the keeper, by name. */
  readonly keeperCalls: ReadonlyMap<string, (input: Plain) => Promise<Plain>>;
  /** A service begins to log in this ring. */
  onRing(ring: RingReader): void;
  /** A service's log ring wants to be emptied. */
  onLog(): void;
}

type ServiceThread = Thread<ServiceOrder, ServiceReport>;

/** A service that should be there, whether it is at the moment or not. */
interface Seat {
  readonly need: ServiceNeed;
  readonly role: ServiceRole;
  readonly backoff: Backoff;
  thread: ServiceThread | undefined;
  permissions: RolePermissions | undefined;
  /** What it was handed last. */
  part: ServicePart | undefined;
  /** Its event loop has stopped; it is not replaced, for that thread still runs. */
  isLost: boolean;
  /** Ends the calls that the keeper takes of it. */
  closeCalls: (() => void) | undefined;
}

/** All services of a process. */
export class Services {
  readonly #options: ServicesOptions;
  #load: Load;
  #state: ProcessState;
  #seats: Seat[] = [];
  readonly #hearts = new HeartMonitor<ServiceRole>();
  /** Edge workers that serve, by slot. */
  readonly #edges = new Map<number, WorkerHandle>();
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();
  /** Starting, reloading and replacing happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(load: Load, state: ProcessState, options: ServicesOptions) {
    this.#load = load;
    this.#state = state;
    this.#options = options;
  }

  /** Starts every service that the configuration needs. One that cannot start is tried again. */
  start(): Promise<void> {
    return this.#exclusively(async () => {
      this.#seats = this.#load.deployment.services.map(newSeat);
      await Promise.all(this.#seats.map((seat) => this.#fill(seat)));
    });
  }

  /** Takes up the configuration that the edge workers serve by. */
  reload(load: Load): Promise<void> {
    return this.#exclusively(async () => {
      this.#load = load;
      const wanted = load.deployment.services;
      for (const seat of this.#seats) {
        if (!wanted.some(({ spec }) => spec.role === seat.role)) await this.#end(seat);
      }
      this.#seats = wanted.map((need) =>
        this.#seats.find(({ role }) => role === need.spec.role) ?? newSeat(need)
      );
      await Promise.all(this.#seats.map((seat) => this.#renew(seat)));
    });
  }

  /** Reports to every service whether the process serves. */
  setState(state: ProcessState): void {
    if (equal(state, this.#state)) return;
    this.#state = state;
    for (const { thread } of this.#seats) thread?.tell({ kind: "state", state });
  }

  /** An edge worker has begun to serve. */
  addEdge(worker: WorkerHandle): void {
    this.#edges.set(worker.slot, worker);
    for (const seat of this.#seats) this.#joinEdge(seat, worker);
  }

  /** It serves no longer. */
  removeEdge(worker: WorkerHandle): void {
    if (this.#edges.get(worker.slot) !== worker) return;
    this.#edges.delete(worker.slot);
    for (const { thread, need } of this.#seats) {
      if (!need.spec.asks.includes(EDGES)) continue;
      thread?.tell({ kind: "edge", slot: worker.slot, port: undefined });
    }
  }

  /** To be called on every tick; returns a service for which the process must end, if any. */
  tick(): FailedHeart<ServiceRole> | undefined {
    for (const { thread } of this.#seats) {
      if (thread?.ring.fault !== undefined) thread.kill(`it left ${thread.ring.fault}`);
    }
    const failed = this.#hearts.tick();
    if (failed === undefined) return undefined;
    const seat = this.#seats.find(({ role }) => role === failed.slot);
    if (failed.cause === "heap full" || seat?.need.spec.whenLost === "end") return failed;
    this.#hearts.unwatch(failed.slot);
    if (seat !== undefined) {
      this.#lose(seat, `it has not run its event loop for ${HEART_LIMIT_MS / 1000} s`);
    }
    return undefined;
  }

  /** Ends every service, in {@linkcode STOP_MS} at most. */
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

  async #fill(seat: Seat): Promise<void> {
    if (this.#stopping || seat.isLost || !this.#seats.includes(seat)) return;
    const { role, need: { spec } } = seat;
    const { log, logSettings, onRing, onLog } = this.#options;
    const permissions = this.#permissionsOf(role);
    const part = this.#partOf(seat);
    const { config } = this.#load;
    const thread: ServiceThread = new Thread(
      {
        name: role,
        url: spec.url,
        permissions: permissions.atStart,
        parse: parseServiceReport,
      },
      { onDeath: (reason) => this.#onDeath(seat, thread, reason), onLog },
    );
    onRing(thread.ring);
    const report = await thread.order({
      kind: "start",
      role,
      slot: { index: serviceSlot(config, role), count: threadSlots(config) },
      ...part,
      memory: thread.memory,
      log: logSettings,
      asks: spec.asks,
      state: this.#state,
      givenUp: permissions.givenUp,
    });
    if (report.kind === "failed") {
      thread.terminate();
      log.log("error", "fluxheim", `the service ${role} could not start: ${report.reason}`);
      if (report.isLate === true) seat.isLost = true;
      else this.#fillIn(seat.backoff.afterFailure(), seat);
      return;
    }
    if (this.#stopping) return thread.terminate();
    seat.thread = thread;
    seat.permissions = permissions;
    seat.part = part;
    seat.backoff.started();
    this.#hearts.watch(role, thread.heart);
    this.#join(seat);
    // It may have changed since the order was given.
    thread.tell({ kind: "state", state: this.#state });
    log.log("info", "fluxheim", `the service ${role} runs`);
  }

  /** Hands a service that is there what has changed for it; starts one that is not. */
  async #renew(seat: Seat): Promise<void> {
    const { thread, role } = seat;
    if (thread === undefined) return await this.#fill(seat);
    const permissions = this.#permissionsOf(role);
    if (seat.permissions === undefined || !covers(seat.permissions, permissions)) {
      await this.#end(seat);
      return await this.#fill(seat);
    }
    const part = this.#partOf(seat);
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
    this.#reclaim(seat);
    this.#fillIn(seat.backoff.afterDeath(), seat);
  }

  /** A thread that no longer runs its event loop may run on for ever, and another one beside it. */
  #lose(seat: Seat, reason: string): void {
    seat.isLost = true;
    seat.thread?.terminate();
    this.#vacate(seat);
    this.#reclaim(seat);
    const text =
      `the service ${seat.role} is unavailable until the process is restarted: ${reason}`;
    this.#options.log.log("error", "fluxheim", text);
  }

  #fillIn(pauseMs: number, seat: Seat): void {
    if (this.#stopping) return;
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      void this.#exclusively(() => this.#fill(seat));
    }, pauseMs);
    this.#pauses.add(timer);
  }

  /** The thread of `seat` is gone: its callers get no answer. */
  #vacate(seat: Seat): void {
    seat.thread = undefined;
    seat.closeCalls?.();
    seat.closeCalls = undefined;
    this.#hearts.unwatch(seat.role);
    for (const { thread, need } of this.#seats) {
      if (!askedOf(need.spec.asks).has(seat.role)) continue;
      thread?.tell({ kind: "callee", callee: seat.role, port: undefined });
    }
  }

  async #end(seat: Seat): Promise<void> {
    const { thread } = seat;
    if (thread === undefined) return;
    this.#vacate(seat);
    await within(STOP_MS, thread.order({ kind: "stop" }));
    thread.terminate();
    this.#reclaim(seat);
  }

  /** Gives back what the service held in shared memory. */
  #reclaim({ role }: Seat): void {
    const { config, zones } = this.#load;
    for (const { zone, reason } of ZoneRegistry.reclaim([zones], serviceSlot(config, role))) {
      const what = `the shared memory ${zone} is not in order: ${reason}`;
      this.#options.log.log("error", "fluxheim", what);
    }
  }

  /** Makes the ports of every declared pair that `seat` is in and whose other end is there. */
  #join(seat: Seat): void {
    for (const other of this.#seats) {
      this.#joinServices(seat, other);
      if (other !== seat) this.#joinServices(other, seat);
    }
    this.#joinKeeper(seat);
    for (const worker of this.#edges.values()) this.#joinEdge(seat, worker);
  }

  #joinServices(caller: Seat, callee: Seat): void {
    const names = askedOf(caller.need.spec.asks).get(callee.role);
    if (names === undefined || caller.thread === undefined || callee.thread === undefined) return;
    const { port1, port2 } = new MessageChannel();
    callee.thread.tell(
      { kind: "caller", caller: caller.role, names: [...names], port: port1 },
      [port1],
    );
    caller.thread.tell({ kind: "callee", callee: callee.role, port: port2 }, [port2]);
  }

  #joinKeeper(seat: Seat): void {
    const { thread, role, need: { spec } } = seat;
    const names = askedOf(spec.asks).get("keeper");
    if (names === undefined || thread === undefined) return;
    const { log, keeperCalls } = this.#options;
    const { port1, port2 } = new MessageChannel();
    seat.closeCalls = takeCalls(port1, {
      names,
      answer: (name, input) => {
        const answer = keeperCalls.get(name);
        if (answer === undefined) throw new Error(`the keeper has no call "${name}"`);
        return answer(input);
      },
      onFailure: (error) => {
        const reason = error instanceof Error ? error.message : String(error);
        log.log("error", "fluxheim", `a call of the service ${role} failed: ${reason}`);
      },
      onFault: (reason) => thread.kill(reason),
    });
    thread.tell({ kind: "callee", callee: "keeper", port: port2 }, [port2]);
  }

  #joinEdge({ thread, need: { module, spec } }: Seat, worker: WorkerHandle): void {
    if (thread === undefined || !spec.asks.includes(EDGES)) return;
    const { port1, port2 } = new MessageChannel();
    worker.tell({ kind: "calls", module, port: port1 }, [port1]);
    thread.tell({ kind: "edge", slot: worker.slot, port: port2 }, [port2]);
  }

  #permissionsOf(role: ServiceRole): RolePermissions {
    const { blanketNet } = this.#options;
    return workerPermissions(this.#load.deployment.plan, role, { blanketNet });
  }

  #partOf({ role, need: { spec } }: Seat): ServicePart {
    const { config, deployment, files, zones } = this.#load;
    return {
      config: tablesFor(config, spec.tables),
      files: filesFor(deployment, role, files),
      zones: zones.sentTo(role, serviceSlot(config, role)),
    };
  }

  #exclusively<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => {});
    return result;
  }
}

function newSeat(need: ServiceNeed): Seat {
  return {
    need,
    role: need.spec.role,
    backoff: new Backoff(),
    thread: undefined,
    permissions: undefined,
    part: undefined,
    isLost: false,
    closeCalls: undefined,
  };
}

function samePart(one: ServicePart, other: ServicePart | undefined): boolean {
  if (other === undefined || !equal(one.config, other.config)) return false;
  if (!sameFiles(one.files, other.files) || one.zones.size !== other.zones.size) return false;
  return [...one.zones].every(([name, { number }]) => other.zones.get(name)?.number === number);
}
