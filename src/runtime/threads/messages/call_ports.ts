/**
 * The ports by which threads call each other. The keeper makes one for each declared pair whose ends are
 * there, and new ones when an end is replaced; a caller learns when its callee is gone.
 *
 * @module
 */
import type { Logger } from "../../../gateway/reports/log.ts";
import type { Plain, ServiceRole } from "../../../gateway/threads/thread.ts";
import type { ServiceNeed } from "../../deployment.ts";
import { askedOf, EDGES, takeCalls } from "./calls.ts";
import type { ServiceOrder, ServiceReport } from "./service_messages.ts";
import type { Thread } from "../thread.ts";
import type { WorkerHandle } from "../worker_handle.ts";
import type { ServiceLink } from "./worker_messages.ts";

/** The thread of a service. */
export type ServiceThread = Thread<ServiceOrder, ServiceReport>;

/** A service as one end of calls. */
export interface ServiceEnd {
  readonly role: ServiceRole;
  readonly need: ServiceNeed;
  /** `undefined` while it is not there. */
  readonly thread: ServiceThread | undefined;
}

/** What services may ask of the keeper, by name. */
export type KeeperCalls = ReadonlyMap<string, (input: Plain) => Promise<Plain>>;

/** All ports between the threads of a process. */
export class CallPorts {
  readonly #services: () => readonly ServiceEnd[];
  readonly #keeperCalls: KeeperCalls;
  readonly #log: Logger;
  /** Edge workers that run, by slot: they call services until their last request is over. */
  readonly #running = new Map<number, WorkerHandle>();
  /** Those that serve: services call these. */
  readonly #serving = new Map<number, WorkerHandle>();
  /** Ends the calls that the keeper takes of a service. */
  readonly #closers = new Map<ServiceRole, () => void>();

  /** @param services Every service that should be there. */
  constructor(services: () => readonly ServiceEnd[], keeperCalls: KeeperCalls, log: Logger) {
    this.#services = services;
    this.#keeperCalls = keeperCalls;
    this.#log = log;
  }

  /** An edge worker is about to start; returns its ports to services that are there. */
  attach(worker: WorkerHandle): readonly ServiceLink[] {
    this.#running.set(worker.slot, worker);
    return this.#services().flatMap((service) => linkOf(service, worker) ?? []);
  }

  /** An edge worker has ended. */
  detach(worker: WorkerHandle): void {
    if (this.#running.get(worker.slot) !== worker) return;
    this.#running.delete(worker.slot);
    for (const { thread, need: { spec } } of this.#services()) {
      if (spec.edgeAsks === undefined) continue;
      thread?.post({ kind: "caller", caller: nameOf(worker), names: [], port: undefined });
    }
  }

  /** An edge worker has begun to serve. */
  addServing(worker: WorkerHandle): void {
    this.#serving.set(worker.slot, worker);
    for (const service of this.#services()) callEdge(service, worker);
  }

  /** It serves no longer. */
  removeServing(worker: WorkerHandle): void {
    if (this.#serving.get(worker.slot) !== worker) return;
    this.#serving.delete(worker.slot);
    for (const { thread, need } of this.#services()) {
      if (!need.spec.asks.includes(EDGES)) continue;
      thread?.post({ kind: "edge", slot: worker.slot, port: undefined });
    }
  }

  /** A service has started: makes the ports of every declared pair that it is in. */
  join(service: ServiceEnd): void {
    for (const other of this.#services()) {
      callService(service, other);
      if (other !== service) callService(other, service);
    }
    this.#callKeeper(service);
    for (const worker of this.#serving.values()) callEdge(service, worker);
    for (const worker of this.#running.values()) {
      const link = linkOf(service, worker);
      if (link !== undefined) worker.post({ kind: "service", ...link }, [link.port]);
    }
  }

  /** The thread of a service is gone: its callers get no answer. */
  leave({ role, need: { edgeModule: module, spec } }: ServiceEnd): void {
    this.#closers.get(role)?.();
    this.#closers.delete(role);
    for (const { thread, need } of this.#services()) {
      if (!askedOf(need.spec.asks).has(role)) continue;
      thread?.post({ kind: "callee", callee: role, port: undefined });
    }
    const names = spec.edgeAsks;
    if (names === undefined) return;
    for (const worker of this.#running.values()) {
      worker.post({ kind: "service", module, role, names, port: undefined });
    }
  }

  #callKeeper({ thread, role, need: { spec } }: ServiceEnd): void {
    const names = askedOf(spec.asks).get("keeper");
    if (names === undefined || thread === undefined) return;
    const { port1, port2 } = new MessageChannel();
    const close = takeCalls(port1, {
      names,
      answer: (name, input) => {
        const answer = this.#keeperCalls.get(name);
        if (answer === undefined) throw new Error(`the keeper has no call "${name}"`);
        return answer(input);
      },
      onFailure: (error) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.log("error", "fluxheim", `a call of the service ${role} failed: ${reason}`);
      },
      onFault: (reason) => thread.kill(reason),
    });
    this.#closers.set(role, close);
    thread.post({ kind: "callee", callee: "keeper", port: port2 }, [port2]);
  }
}

/** As a service names an edge worker that calls it. */
function nameOf({ slot }: WorkerHandle): string {
  return `worker ${slot}`;
}

function callService(caller: ServiceEnd, callee: ServiceEnd): void {
  const names = askedOf(caller.need.spec.asks).get(callee.role);
  if (names === undefined || caller.thread === undefined || callee.thread === undefined) return;
  const { port1, port2 } = new MessageChannel();
  callee.thread.post(
    { kind: "caller", caller: `service ${caller.role}`, names: [...names], port: port1 },
    [port1],
  );
  caller.thread.post({ kind: "callee", callee: callee.role, port: port2 }, [port2]);
}

function callEdge(
  { thread, need: { edgeModule: module, spec } }: ServiceEnd,
  worker: WorkerHandle,
): void {
  if (thread === undefined || !spec.asks.includes(EDGES)) return;
  const { port1, port2 } = new MessageChannel();
  worker.post({ kind: "calls", module, port: port1 }, [port1]);
  thread.post({ kind: "edge", slot: worker.slot, port: port2 }, [port2]);
}

/** A port by which `worker` calls a service of one of its modules, if that takes such calls. */
function linkOf(
  { thread, role, need: { edgeModule: module, spec } }: ServiceEnd,
  worker: WorkerHandle,
): ServiceLink & { readonly port: MessagePort } | undefined {
  const names = spec.edgeAsks;
  if (thread === undefined || names === undefined) return undefined;
  const { port1, port2 } = new MessageChannel();
  thread.post({ kind: "caller", caller: nameOf(worker), names, port: port1 }, [port1]);
  return { module, role, names, port: port2 };
}
