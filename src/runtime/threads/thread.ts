/**
 * The keeper's end of one thread, whatever its role: starts it, gives orders, reads its reports as
 * untrusted input, and ends it.
 *
 * @module
 */
import { Heartbeat } from "../../zones/heartbeat.ts";
import { RingReader } from "../../zones/ring.ts";
import type { ThreadPermissions } from "../permissions/plan.ts";
import type {
  Birth,
  Failed,
  Message,
  OrderEnvelope,
  ReportEnvelope,
} from "./messages/thread_messages.ts";
import { newThreadMemory, type ThreadMemory } from "./thread_memory.ts";

/** A thread that has not carried out an order by then is taken to be unable to. */
const ORDER_LIMIT_MS = 30_000;

/**
 * Messages that a thread may send in a second. One that logs at full speed sends one for each segment of
 * its ring, some thousands; more only keep the keeper from its work.
 */
const MAX_REPORTS_PER_SECOND = 20_000;

/** Longest reason of a death that is logged, in UTF-16 units. */
const MAX_REASON = 2048;

/** A thread to start. */
export interface ThreadLaunch<Report extends Message> {
  /** For the runtime's own messages: `edge-0`, `control`. */
  readonly name: string;
  readonly url: URL;
  readonly permissions: ThreadPermissions;
  /** Reads a message of the thread; `undefined` when there is no report in it. */
  parse(message: unknown): ReportEnvelope<Report> | undefined;
}

/** What a thread reports to its owner unasked. */
export interface ThreadEvents {
  /** It ended by an uncaught error, or broke a rule. It is gone when this is called. */
  onDeath(reason: string): void;
  /** A segment of its log ring is full. */
  onLog(): void;
}

/** One thread: orders in, reports out, one at a time. */
export class Thread<Order extends Message, Report extends Message> {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #launch: ThreadLaunch<Report>;
  readonly #events: ThreadEvents;
  /** The shared memory that is its own. */
  readonly memory: ThreadMemory = newThreadMemory();
  readonly heartbeat: Heartbeat = new Heartbeat(this.memory.heartbeat);
  readonly ring: RingReader = new RingReader(this.memory.ring);
  readonly #awaited = new Map<number, (report: Report | Failed) => void>();
  #orders = 0;
  #alive = true;
  #reports = 0;
  #reportsSince = performance.now();

  /** Starts the thread; nothing runs in it before the first order. */
  constructor(launch: ThreadLaunch<Report>, events: ThreadEvents) {
    this.#launch = launch;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }: MessageEvent<unknown>) => this.#onMessage(data);
    port1.onmessageerror = () => this.kill("it sent a message that cannot be read");
    const { url, name, permissions } = launch;
    this.#worker = new Worker(url, { type: "module", name, deno: { permissions } });
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
   * Gives an order and waits for its report. A thread that is dead, or dies over it, has failed.
   *
   * @param limitMs How long to wait at most.
   * @param transfer Ports that are handed over with the order.
   */
  async order(
    order: Order,
    limitMs = ORDER_LIMIT_MS,
    transfer: readonly MessagePort[] = [],
  ): Promise<Report | Failed> {
    if (!this.#alive) return { kind: "failed", reason: "the worker is dead" };
    const id = ++this.#orders;
    const { promise, resolve } = Promise.withResolvers<Report | Failed>();
    this.#awaited.set(id, resolve);
    const late = `no answer to "${order.kind}" in ${limitMs / 1000} s`;
    const timer = limitMs === Infinity
      ? undefined
      : setTimeout(() => resolve({ kind: "failed", reason: late, isLate: true }), limitMs);
    this.#send(id, order, transfer);
    const report = await promise;
    clearTimeout(timer);
    this.#awaited.delete(id);
    return report;
  }

  /** Posts an order that has no report. */
  post(order: Order, transfer: readonly MessagePort[] = []): void {
    if (this.#alive) this.#send(++this.#orders, order, transfer);
  }

  /**
   * Ends the thread. An endless loop in it goes on until the process ends.
   *
   * @param reason What those who wait for a report are given.
   */
  terminate(reason = "the worker has ended"): void {
    this.#alive = false;
    this.#worker.terminate();
    this.#port.close();
    this.ring.end();
    for (const answer of this.#awaited.values()) answer({ kind: "failed", reason });
  }

  /** Ends a thread that cannot go on, or may not, and reports its death. */
  kill(reason: string): void {
    if (!this.#alive) return;
    const cut = reason.slice(0, MAX_REASON);
    this.terminate(`the worker died: ${cut}`);
    this.#events.onDeath(cut);
  }

  #send(id: number, order: Order, transfer: readonly MessagePort[]): void {
    const envelope: OrderEnvelope<Order> = { id, order };
    this.#port.postMessage(envelope, [...transfer]);
  }

  #onMessage(message: unknown): void {
    if (!this.#alive) return;
    if (this.#isFlooding()) return this.kill("it floods the keeper with messages");
    const parsed = this.#launch.parse(message);
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
