/**
 * Orders of the keeper to a service, and the service's reports (`thread_messages.ts`).
 *
 * @module
 */
import type { Files } from "../../../gateway/module.ts";
import type { MetricSpec } from "../../../gateway/reports/metrics.ts";
import type { PartOfThread, ProcessState } from "../../../gateway/threads/service.ts";
import type { ConfigPart, ServiceRole } from "../../../gateway/threads/thread.ts";
import type { ZonesByName } from "../../../zones/zones.ts";
import type { ThreadSlot } from "../../../zones/layout.ts";
import type { LogSettings } from "../../log/ring_logger.ts";
import type { ThreadMemory } from "../thread_memory.ts";
import type { Failed, LogFull, ReportEnvelope } from "./thread_messages.ts";
import { parseCommon, parseEnvelope } from "./thread_report.ts";

/** What a role holds of a configuration. */
export interface ServicePart {
  readonly config: ConfigPart;
  readonly files: Files;
  readonly zones: ZonesByName;
}

/** Memories of threads by their index, by the name of the zone. */
export type PartsByZone = ReadonlyMap<string, ReadonlyMap<number, PartOfThread>>;

/** A thread whose memory the service reads has come, or, without a part, is gone. */
export interface PartOrder {
  readonly kind: "part";
  readonly zone: string;
  readonly index: number;
  readonly part: PartOfThread | undefined;
}

/** Starts the service. */
export interface StartServiceOrder extends ServicePart {
  readonly kind: "start";
  readonly role: ServiceRole;
  /** Modules whose parts make up the service. */
  readonly modules: readonly string[];
  /** Its index among the threads of the process. */
  readonly slot: ThreadSlot;
  /** Its own heartbeat and log ring (`thread_memory.ts`). */
  readonly memory: ThreadMemory;
  readonly log: LogSettings;
  readonly asks: readonly string[];
  /** Memories of other threads that it reads. */
  readonly reads: PartsByZone;
  /** When the process started, in milliseconds since 1970. */
  readonly processStartMs: number;
  /** Every metric of this build. */
  readonly metricSpecs: readonly MetricSpec[];
  readonly state: ProcessState;
  /** Network addresses to give up when it has started. */
  readonly givenUp: readonly string[];
}

export type ServiceOrder =
  | StartServiceOrder
  | PartOrder
  | ServicePart & { readonly kind: "reload" }
  | { readonly kind: "state"; readonly state: ProcessState }
  /** Call `callee` by `port`; without one, it is gone. */
  | {
    readonly kind: "callee";
    readonly callee: "keeper" | ServiceRole;
    readonly port: MessagePort | undefined;
  }
  /** Take calls of `caller`, of these names alone, from `port`; without one, it is gone. */
  | {
    readonly kind: "caller";
    /** `service admin`, `worker 3`. */
    readonly caller: string;
    readonly names: readonly string[];
    readonly port: MessagePort | undefined;
  }
  /** Call the edge worker in `slot` by `port`; without one, it is gone. */
  | { readonly kind: "edge"; readonly slot: number; readonly port: MessagePort | undefined }
  | { readonly kind: "stop" };

export type ServiceReport =
  | { readonly kind: "started" }
  | { readonly kind: "reloaded" }
  | { readonly kind: "stopped" }
  | Failed
  | LogFull;

/** The report in a message, or `undefined` if there is none in it. */
export function parseServiceReport(message: unknown): ReportEnvelope<ServiceReport> | undefined {
  return parseEnvelope(message, (kind, report): ServiceReport | undefined => {
    switch (kind) {
      case "started":
      case "reloaded":
      case "stopped":
        return { kind };
      default:
        return parseCommon(kind, report);
    }
  });
}
