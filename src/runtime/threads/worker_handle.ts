/**
 * The keeper's end of one edge worker.
 *
 * @module
 */
import type { ThreadPermissions } from "../permissions/plan.ts";
import { Thread } from "./thread.ts";
import type { WorkerOrder, WorkerReport } from "./messages/worker_messages.ts";
import { parseReport } from "./messages/worker_report.ts";

/** What a handle reports to the pool unasked. */
export interface WorkerEvents {
  /** The worker ended by an uncaught error, or broke a rule. It is gone when this is called. */
  onDeath(worker: WorkerHandle, reason: string): void;
  /** A segment of its log ring is full. */
  onLog(): void;
}

/** One edge worker. */
export class WorkerHandle extends Thread<WorkerOrder, WorkerReport> {
  /**
   * Starts the thread; nothing runs in it before the first order.
   *
   * @param slot Its index among the workers.
   */
  constructor(
    url: URL,
    readonly slot: number,
    permissions: ThreadPermissions,
    events: WorkerEvents,
  ) {
    super({ name: `edge-${slot}`, url, permissions, parse: parseReport }, {
      onDeath: (reason) => events.onDeath(this, reason),
      onLog: () => events.onLog(),
    });
  }
}
