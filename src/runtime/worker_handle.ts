/**
 * The keeper's end of one edge worker.
 *
 * @module
 */
import type { ThreadPermissions } from "./permissions.ts";
import type {
  Birth,
  OrderEnvelope,
  ReportEnvelope,
  WorkerOrder,
  WorkerReport,
} from "./worker_messages.ts";

/** A worker that has not done what it was told by then is taken to be unable to. */
const ORDER_LIMIT_MS = 30_000;

/** What a handle tells the keeper unasked. */
export interface WorkerEvents {
  /** The worker ended by an error that nobody caught. It is gone when this is called. */
  onDeath(worker: WorkerHandle, reason: string): void;
  /** A segment of its log ring is full. */
  onLog(): void;
}

/** One edge worker: orders in, reports out, one at a time. */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #events: WorkerEvents;
  readonly #awaited = new Map<number, (report: WorkerReport) => void>();
  #orders = 0;
  #alive = true;

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
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }: MessageEvent<ReportEnvelope>) => this.#onReport(data);
    this.#worker = new Worker(url, {
      type: "module",
      name: `edge-${slot}`,
      deno: { permissions },
    });
    this.#worker.onerror = (event) => {
      // Without this the error would end the keeper as well.
      event.preventDefault();
      this.#died(event.message);
    };
    const birth: Birth = { port: port2 };
    this.#worker.postMessage(birth, [port2]);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /**
   * Gives an order and waits for its report. A worker that is dead, or dies over it, has failed.
   *
   * @param limitMs How long to wait at most.
   */
  async order(order: WorkerOrder, limitMs = ORDER_LIMIT_MS): Promise<WorkerReport> {
    if (!this.#alive) return { kind: "failed", reason: "the worker is dead" };
    const id = ++this.#orders;
    const { promise, resolve } = Promise.withResolvers<WorkerReport>();
    this.#awaited.set(id, resolve);
    const late = `no answer to "${order.kind}" in ${limitMs / 1000} s`;
    const timer = limitMs === Infinity
      ? undefined
      : setTimeout(() => resolve({ kind: "failed", reason: late }), limitMs);
    this.#send(id, order);
    const report = await promise;
    clearTimeout(timer);
    this.#awaited.delete(id);
    return report;
  }

  /** Gives an order that has no report. */
  tell(order: WorkerOrder & { readonly kind: "abort" | "discard" }): void {
    if (this.#alive) this.#send(++this.#orders, order);
  }

  /**
   * Ends the thread. An endless loop in it goes on until the process ends.
   *
   * @param reason What whoever waits for a report is told.
   */
  terminate(reason = "the worker has ended"): void {
    this.#alive = false;
    this.#worker.terminate();
    this.#port.close();
    const over: WorkerReport = { kind: "failed", reason };
    for (const answer of this.#awaited.values()) answer(over);
  }

  #send(id: number, order: WorkerOrder): void {
    const envelope: OrderEnvelope = { id, order };
    this.#port.postMessage(envelope);
  }

  #onReport({ id, report }: ReportEnvelope): void {
    if (report.kind === "log") this.#events.onLog();
    else this.#awaited.get(id)?.(report);
  }

  #died(reason: string): void {
    if (!this.#alive) return;
    this.terminate(`the worker died: ${reason}`);
    this.#events.onDeath(this, reason);
  }
}
