/**
 * The contract between the runtime and a service: a module's part in a thread of its own, which `thread.ts`
 * declares.
 *
 * @module
 */
import type { Clock } from "../../net/clock.ts";
import type { UnixSockets } from "../../net/listen/unix_sockets.ts";
import type { Zone, Zones } from "../../zones/zones.ts";
import type { Calls } from "./calls.ts";
import type { Extension, ExtensionPoint } from "../extension.ts";
import type { Logger } from "../reports/log.ts";
import type { Metrics, MetricSpec } from "../reports/metrics.ts";
import type { ProcessState } from "./process_state.ts";
import type { Files } from "../module.ts";
import type { ConfigPart, Plain, ServiceRole } from "./thread.ts";

export type { CallOutcome, Calls } from "./calls.ts";
export type { ProcessState } from "./process_state.ts";

/** Answers of every edge worker. */
export interface EdgeAnswers {
  /** In no order. */
  readonly answers: readonly Plain[];
  /** Workers that have not answered in time, or have failed. */
  readonly unanswered: number;
}

/** The module's own part in every edge worker. */
export interface EdgeCalls {
  /** Calls `EdgePart.onCall` in every edge worker that serves. Settles at the deadline at the latest. */
  call(message: Plain, deadlineMs: number): Promise<EdgeAnswers>;
}

/** Memory of another thread. */
export type PartOfThread = Zone;

/** Thread `index` has ended, and this is what it leaves. */
export type PartGone = (index: number, buffer: SharedArrayBuffer) => void;

/** What a service gets. */
export interface ServiceContext {
  /** The tables of its {@linkcode ThreadSpec.tables}, and nothing else of the configuration. */
  readonly config: ConfigPart;
  /** The same of the configuration that was taken up last. */
  latest(): ConfigPart;
  /** Files that the module's `needs` asks for in this role. */
  readonly files: Files;
  /** Shared tables that the module's `needs` attaches to this role. */
  readonly zones: Zones;
  /** The clock of this thread, for time limits. */
  readonly clock: Clock;
  /** The log of this thread. */
  readonly log: Logger;
  /** The metrics of this thread. */
  readonly metrics: Metrics;
  /** When the process started, in milliseconds since 1970: counts are since then. */
  readonly processStartMs: number;
  /** Every metric of this build: the gateway's own, and those of its modules. */
  readonly metricSpecs: readonly MetricSpec[];
  /**
   * Memories of other threads, by thread index, where this role is a reader (`ZoneRequest.readers`). What is
   * in them is untrusted.
   *
   * @param onGone Called when a thread is gone, with the memory that it leaves.
   * @returns Those that are there; the map changes as threads come and go.
   */
  reads(zone: string, onGone?: PartGone): ReadonlyMap<number, PartOfThread>;
  /** As the service starts; what changes comes by {@linkcode RunningService.onState}. */
  readonly state: ProcessState;
  /** The keeper: names of `asks` alone. */
  readonly keeper: Calls;
  /** Another service that `asks` names. */
  service(role: ServiceRole): Calls;
  /** The module in every edge worker, where `asks` has `"edges"`. */
  readonly edges: EdgeCalls;
  /** Opens unix sockets; `undefined` in builds that may write nothing. */
  readonly sockets: UnixSockets | undefined;
  /** What the parts of this thread add to `point`, in the order of their modules. */
  extensions<T>(point: ExtensionPoint<T>): readonly T[];
}

/** A service at work. */
export interface RunningService {
  /** Takes up a new configuration. What it throws has the service replaced by one with that. */
  reload(config: ConfigPart, files: Files): Promise<void>;
  /** Names of the calls that it takes; unless given, all. Another part of its thread may take others. */
  readonly takes?: readonly string[];
  /** What other threads may ask of it; `name` is one that the caller has declared. */
  call?(name: string, input: Plain): Promise<Plain>;
  /** The process has become ready, or has ceased to be. */
  onState?(state: ProcessState): void;
  /** Ends it; called at the very end, when no connection is left. */
  stop(): Promise<void>;
}

/** The program of a service's thread, or the part of it that one module brings. */
export interface Service {
  /** Name of the module that brings it. */
  readonly module: string;
  /** The one that its module declares. */
  readonly role: ServiceRole;
  /**
   * Opens the metrics of its thread, for a part that is in no build that keeps nothing. Without one the thread
   * counts nothing.
   */
  readonly openMetrics?: (zones: Zones, log: Logger) => Metrics;
  /** What it adds to the lists of the other parts of its thread. */
  readonly extends?: readonly Extension<unknown>[];
  /**
   * Starts it. Addresses that its module's grants have for the start alone are given up when this
   * resolves.
   */
  start(context: ServiceContext): Promise<RunningService>;
}
