/**
 * The thread's end of what `thread.ts` starts, whatever its role: takes orders from its port, beats, logs,
 * and leaves last words.
 *
 * @module
 */
import { Clock } from "../../net/clock.ts";
import { type Heartbeat, heartbeat } from "../../zones/heartbeat.ts";
import { ring } from "../../zones/ring.ts";
import { isOfPeer } from "../log/peer_failure.ts";
import type { Records } from "../log/record_types.ts";
import { type LogSettings, RingLogger } from "../log/ring_logger.ts";
import { HeapWatch } from "./heap.ts";
import type { ThreadMemory } from "./thread_memory.ts";
import type {
  Birth,
  LogFull,
  Message,
  OrderEnvelope,
  ReportEnvelope,
} from "./messages/thread_messages.ts";

/** Carries out an order; what it returns is the order's report, if it has one. */
export type Obey<Order, Report> = (order: Order) => Promise<Report | undefined>;

/**
 * Takes orders from the keeper. To be called once, by the entry of a thread, while that is evaluated.
 *
 * @param begin Called with the first order, and with what reports a full segment of the log ring.
 */
export function runThread<Order extends Message, Report extends Message>(
  begin: (first: Order, onLogSegment: () => void) => Obey<Order, Report>,
): void {
  addEventListener("message", (event) => {
    if (!(event instanceof MessageEvent)) return;
    const { port }: Birth = event.data;
    let obey: Obey<Order, Report> | undefined;
    const send = (id: number, report: Report | LogFull) => {
      const envelope: ReportEnvelope<Report | LogFull> = { id, report };
      port.postMessage(envelope);
    };
    port.onmessage = async ({ data }: MessageEvent<OrderEnvelope<Order>>) => {
      const { id, order } = data;
      obey ??= begin(order, () => send(0, { kind: "log" }));
      const report = await obey(order);
      if (report !== undefined) send(id, report);
    };
  }, { once: true });
}

/** What a thread needs for its life. */
export interface LifeSettings {
  /** For its last words: `worker 0`, `service control`. */
  readonly name: string;
  /** Its own heartbeat and log ring (`thread_memory.ts`). */
  readonly memory: ThreadMemory;
  readonly log: LogSettings;
  readonly records: Records | undefined;
  /** How fast its clock runs; 1 unless given. */
  readonly pace?: number;
  onLogSegment(): void;
}

/** Clock, heartbeat and log of a thread. */
export class ThreadLife {
  readonly clock: Clock;
  readonly log: RingLogger;
  readonly #name: string;
  readonly #heartbeat: Heartbeat;
  #heap: HeapWatch | undefined;

  constructor({ name, memory, log, records, onLogSegment, pace = 1 }: LifeSettings) {
    this.#name = name;
    this.clock = new Clock(pace);
    const own = { index: 0, count: 1 };
    this.#heartbeat = heartbeat.open(memory.heartbeat, own);
    const lines = ring.open(memory.ring, own);
    lines.onSealed = onLogSegment;
    this.log = new RingLogger(lines, log, records);
    this.#leaveLastWords();
  }

  /** Begins to beat and to watch the heap. */
  start(): void {
    this.clock.every(() => this.#heartbeat.beat());
    this.#heap = new HeapWatch(() => {
      this.#heartbeat.reportFullHeap();
      // Whatever this thread did now could be what ends the process before the keeper can say why.
      this.#heartbeat.holdStill();
    });
    this.clock.start();
  }

  /** Stops the clock, and with it the heartbeat. */
  stop(): void {
    this.clock.stop();
  }

  /**
   * An uncaught error ends this thread, and its origin must be known afterwards; unless it is of one
   * connection, which has ended by it anyway.
   */
  #leaveLastWords(): void {
    const end = (error: unknown) => {
      const what = `${this.#name} ends by an uncaught error: ${traced(error)}`;
      this.log.log("error", "fluxheim", what);
    };
    addEventListener("error", (event) => end(event.error ?? event.message));
    addEventListener("unhandledrejection", (event) => {
      const { reason } = event;
      if (!isOfPeer(reason)) return end(reason);
      event.preventDefault();
      this.log.log("error", "fluxheim", `fault: unhandled rejection: ${traced(reason)}`);
    });
  }
}

/** An error with its stack, where it has one. */
export function traced(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
