/**
 * The main program of a service's thread.
 *
 * @module
 */
import { deepFreeze } from "../../config/frozen.ts";
import { NO_METRICS } from "../../gateway/reports/metrics_none.ts";
import type {
  Calls,
  EdgeAnswers,
  EdgeCalls,
  PartGone,
  PartOfThread,
  RunningService,
  Service,
  ServiceContext,
} from "../../gateway/threads/service.ts";
import type { Extension } from "../../gateway/extension.ts";
import type { ConfigPart, Plain } from "../../gateway/threads/thread.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";
import { Zones } from "../../zones/zones.ts";
import { giveUpAddresses } from "../permissions/give_up.ts";
import { askedOf, Caller, EDGE_CALL, EDGES, takeCalls, unavailable } from "./messages/calls.ts";
import type {
  PartOrder,
  PartsByZone,
  ServiceOrder,
  ServiceReport,
  StartServiceOrder,
} from "./messages/service_messages.ts";
import { runThread, ThreadLife, traced } from "./thread_program.ts";

/**
 * Makes this thread a service. To be called once, by the entry of the thread, while that is evaluated.
 *
 * @param parts One of each module that has a part in it, in the order of the profile. They start in this
 * order, and end in the reverse one.
 */
export function runService(...parts: readonly Service[]): void {
  runServiceWith(undefined, ...parts);
}

/**
 * The same in builds that have unix sockets.
 *
 * @param sockets Opens them.
 */
export function runServiceWith(
  sockets: UnixSockets | undefined,
  ...parts: readonly Service[]
): void {
  runThread<ServiceOrder, ServiceReport>((first, onLogSegment) => {
    if (first.kind !== "start") throw new Error("the first order to a service is to start");
    const thread = new ServiceThread(first, parts, sockets, onLogSegment);
    return (order) => thread.obey(order);
  });
}

/** One service at work. */
class ServiceThread {
  readonly #parts: readonly Service[];
  readonly #sockets: UnixSockets | undefined;
  readonly #life: ThreadLife;
  readonly #zones: Zones;
  readonly #callees = new Map<string, Caller>();
  readonly #edges = new Edges();
  readonly #running: RunningService[] = [];
  /** What was taken up last. */
  #config: ConfigPart = {};
  /** Ports of callers; one that is replaced comes with another. */
  readonly #callers = new Map<string, () => void>();
  readonly #reads: ReadParts;

  constructor(
    { role, slot, memory, log, zones, asks, reads }: StartServiceOrder,
    parts: readonly Service[],
    sockets: UnixSockets | undefined,
    onLogSegment: () => void,
  ) {
    this.#parts = parts;
    this.#sockets = sockets;
    this.#zones = new Zones(zones, slot);
    this.#reads = new ReadParts(reads);
    const name = `service ${role}`;
    this.#life = new ThreadLife({ name, memory, log, records: undefined, onLogSegment });
    for (const [callee, names] of askedOf(asks)) {
      if (callee !== EDGES) {
        this.#callees.set(
          callee,
          new Caller(callee === "keeper" ? callee : `service ${callee}`, names),
        );
      }
    }
  }

  async obey(order: ServiceOrder): Promise<ServiceReport | undefined> {
    switch (order.kind) {
      case "start":
        return await this.#start(order);
      case "reload":
        this.#zones.adopt(order.zones);
        this.#zones.commit();
        try {
          const config = this.#config = deepFreeze(order.config);
          for (const running of this.#running) await running.reload(config, order.files);
        } catch (error) {
          return { kind: "failed", reason: traced(error) };
        }
        return { kind: "reloaded" };
      case "state":
        for (const running of this.#running) running.onState?.(order.state);
        return undefined;
      case "part":
        this.#reads.set(order);
        return undefined;
      case "callee": {
        const caller = this.#callees.get(order.callee);
        if (order.port === undefined) caller?.disconnect("it is not there");
        else caller?.connect(order.port);
        return undefined;
      }
      case "caller":
        this.#takeCalls(order.caller, new Set(order.names), order.port);
        return undefined;
      case "edge":
        this.#edges.set(order.slot, order.port);
        return undefined;
      case "stop":
        await this.#stop();
        this.#life.stop();
        return { kind: "stopped" };
    }
  }

  async #start(order: StartServiceOrder): Promise<ServiceReport> {
    const stranger = this.#parts.find(({ role }) => role !== order.role);
    if (stranger !== undefined) {
      return { kind: "failed", reason: `this is the service ${stranger.role}, not ${order.role}` };
    }
    // Parts of modules that this configuration does not ask for are left out.
    const parts = this.#parts.filter(({ module }) => order.modules.includes(module));
    const missing = order.modules.find((name) => !parts.some(({ module }) => module === name));
    if (missing !== undefined) {
      return { kind: "failed", reason: `its entry lacks the part of the module ${missing}` };
    }
    this.#life.start();
    this.#config = deepFreeze(order.config);
    const context = this.#context(order, parts.flatMap((part) => part.extends ?? []));
    try {
      for (const part of parts) this.#running.push(await part.start(context));
    } catch (error) {
      await this.#stop();
      return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
    giveUpAddresses(order.givenUp);
    return { kind: "started" };
  }

  async #stop(): Promise<void> {
    for (const running of this.#running.toReversed()) await running.stop();
    this.#running.length = 0;
  }

  #context(
    { files, state, metricSpecs, processStartMs }: StartServiceOrder,
    extensions: readonly Extension<unknown>[],
  ): ServiceContext {
    return {
      sockets: this.#sockets,
      extensions: (point) => point.of(extensions),
      config: this.#config,
      latest: () => this.#config,
      files,
      state,
      zones: this.#zones,
      clock: this.#life.clock,
      log: this.#life.log,
      metrics: this.#parts.find(({ openMetrics }) => openMetrics !== undefined)
        ?.openMetrics?.(this.#zones, this.#life.log) ?? NO_METRICS,
      metricSpecs,
      processStartMs,
      reads: (zone, onGone) => this.#reads.of(zone, onGone),
      keeper: this.#callees.get("keeper") ?? NOT_DECLARED,
      service: (role) => this.#callees.get(role) ?? NOT_DECLARED,
      edges: this.#edges,
    };
  }

  #takeCalls(caller: string, names: ReadonlySet<string>, port: MessagePort | undefined): void {
    this.#callers.get(caller)?.();
    this.#callers.delete(caller);
    if (port === undefined) return;
    const { log } = this.#life;
    const close = takeCalls(port, {
      names,
      answer: (name, input) => {
        const takes = this.#running.find(({ takes }) =>
          takes === undefined || takes.includes(name)
        );
        if (takes?.call === undefined) throw new Error("this service takes no such call");
        return takes.call(name, input);
      },
      onFailure: (error) => log.log("error", "fluxheim", `a call of ${caller}: ${traced(error)}`),
      onFault: (reason) => {
        log.log("error", "fluxheim::security", `calls of ${caller} are refused: ${reason}`);
      },
    });
    this.#callers.set(caller, close);
  }
}

/** Memories of other threads that a service reads. */
class ReadParts {
  readonly #byZone = new Map<string, Map<number, PartOfThread>>();
  readonly #onGone = new Map<string, PartGone[]>();

  constructor(reads: PartsByZone) {
    for (const [zone, parts] of reads) this.#byZone.set(zone, new Map(parts));
  }

  of(zone: string, onGone?: PartGone): ReadonlyMap<number, PartOfThread> {
    const parts = this.#byZone.get(zone) ?? new Map<number, PartOfThread>();
    this.#byZone.set(zone, parts);
    if (onGone !== undefined) this.#onGone.set(zone, [...this.#onGone.get(zone) ?? [], onGone]);
    return parts;
  }

  set({ zone, index, part }: PartOrder): void {
    const parts = this.#byZone.get(zone);
    if (parts === undefined) return;
    const before = parts.get(index);
    // Sent twice, a memory is another object with the same number.
    if (before !== undefined && before.number === part?.number) return;
    if (before !== undefined) {
      parts.delete(index);
      for (const onGone of this.#onGone.get(zone) ?? []) onGone(index, before.buffer);
    }
    if (part !== undefined) parts.set(index, part);
  }
}

const NOT_DECLARED: Calls = {
  call: () => Promise.resolve(unavailable("the service has not declared that it calls this role")),
};

/** Every edge worker that serves. */
class Edges implements EdgeCalls {
  readonly #callers = new Map<number, Caller>();

  set(slot: number, port: MessagePort | undefined): void {
    this.#callers.get(slot)?.disconnect("it has ended");
    this.#callers.delete(slot);
    if (port === undefined) return;
    const caller = new Caller(`worker ${slot}`, new Set([EDGE_CALL]));
    caller.connect(port);
    this.#callers.set(slot, caller);
  }

  async call(message: Plain, deadlineMs: number): Promise<EdgeAnswers> {
    const callers = [...this.#callers.values()];
    const outcomes = await Promise.all(
      callers.map((caller) => caller.call(EDGE_CALL, message, deadlineMs)),
    );
    const answers = outcomes.flatMap((found) => found.kind === "answer" ? [found.value] : []);
    return { answers, unanswered: outcomes.length - answers.length };
  }
}
