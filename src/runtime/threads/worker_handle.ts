/**
 * The keeper's end of one edge worker.
 *
 * @module
 */
import type { RingReader } from "../../zones/ring.ts";
import type { ThreadPermissions } from "../permissions/plan.ts";
import { heartOf, newThreadMemory, ringReader } from "./thread_memory.ts";
import type { Birth, OrderEnvelope, WorkerOrder, WorkerReport } from "./worker_messages.ts";
import { parseReport } from "./worker_report.ts";

/** A worker that has not done what it was told by then is taken to be unable to. */
const ORDER_LIMIT_MS = 30_000;

/**
 * Messages that a worker may send in a second. One that logs at full speed sends one for each segment of
 * its ring, some thousands; more only keep the keeper from its work.
 */
const MAX_REPORTS_PER_SECOND = 20_000;

/** Longest reason of a death that is logged, in UTF-16 units. */
const MAX_REASON = 2048;

/** What a handle tells the keeper unasked. */
export interface WorkerEvents {
  /** The worker ended by an error that nobody caught, or did what none does. It is gone when this is called. */
  onDeath(worker: WorkerHandle, reason: string): void;
  /** A segment of its log ring is full. */
  onLog(): void;
}

/** One edge worker: orders in, reports out, one at a time. */
export class WorkerHandle {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #events: WorkerEvents;
  /** The shared memory that is its own. */
  readonly memory = newThreadMemory();
  readonly heart: Int32Array = heartOf(this.memory);
  readonly ring: RingReader = ringReader(this.memory);
  readonly #awaited = new Map<number, (report: WorkerReport) => void>();
  #orders = 0;
  #alive = true;
  #reports = 0;
  #reportsSince = performance.now();

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
    port1.onmessage = ({ data }: MessageEvent<unknown>) => this.#onMessage(data);
    port1.onmessageerror = () => this.kill("it sent a message that cannot be read");
    this.#worker = new Worker(url, {
      type: "module",
      name: `edge-${slot}`,
      deno: { permissions },
    });
    this.#worker.onerror = (event) => {
      // Without this the error would end the keeper as well.
      event.preventDefault();
      this.kill(event.message);
    };
    const stray = () => this.kill("it sent a message past its port");
    this.#worker.onmessage = stray;
    this.#worker.onmessageerror = stray;
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
    this.ring.end();
    const over: WorkerReport = { kind: "failed", reason };
    for (const answer of this.#awaited.values()) answer(over);
  }

  #send(id: number, order: WorkerOrder): void {
    const envelope: OrderEnvelope = { id, order };
    this.#port.postMessage(envelope);
  }

  /** Ends a worker that cannot go on, or may not, and tells of its death. */
  kill(reason: string): void {
    if (!this.#alive) return;
    const said = reason.slice(0, MAX_REASON);
    this.terminate(`the worker died: ${said}`);
    this.#events.onDeath(this, said);
  }

  #onMessage(message: unknown): void {
    if (!this.#alive) return;
    if (this.#isFlooding()) return this.kill("it floods the keeper with messages");
    const parsed = parseReport(message);
    if (parsed === undefined) return this.kill("it sent a message that is no report");
    const { id, report } = parsed;
    if (report.kind === "log") this.#events.onLog();
    else this.#awaited.get(id)?.(report);
  }

  #isFlooding(): boolean {
    const now = performance.now();
    if (now - this.#reportsSince >= 1000) {
      this.#reports = 0;
      this.#reportsSince = now;
    }
    return ++this.#reports > MAX_REPORTS_PER_SECOND;
  }
}
