/**
 * Which worker serves the unix sockets. Unlike a port, a socket has one listener at a time: the worker with
 * the lowest index serves it, and when that one dies the next takes over at once, without waiting for a
 * replacement.
 *
 * @module
 */
import type { Logger } from "../../gateway/reports/log.ts";
import type { ListenerNeed } from "../../gateway/module.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import type { WorkerReport } from "./messages/worker_messages.ts";

/** How long after a failure the sockets are tried again. */
const AGAIN_MS = 1_000;

const NOTHING_TO_SERVE: WorkerReport = { kind: "listening", listeners: [] };

/** The unix sockets of a process and the worker that serves them. */
export class SocketHolder {
  readonly #hasSockets: boolean;
  readonly #log: Logger;
  readonly #lowest: () => WorkerHandle | undefined;
  #holder: WorkerHandle | undefined;
  /** The last change of hands; they are made one after the other. */
  #change: Promise<unknown> = Promise.resolve();

  /** @param lowest The worker with the lowest index that serves at the moment. */
  constructor(
    listeners: readonly ListenerNeed[],
    log: Logger,
    lowest: () => WorkerHandle | undefined,
  ) {
    this.#hasSockets = listeners.some(({ kind }) => kind === "unix");
    this.#log = log;
    this.#lowest = lowest;
  }

  /**
   * Gives the sockets to `heir`, the worker with the lowest index unless given. What a worker that served
   * them has accepted, and what waits in its queue, stays with it.
   */
  give(heir?: WorkerHandle): Promise<WorkerReport> {
    if (!this.#hasSockets) return Promise.resolve(NOTHING_TO_SERVE);
    const change = this.#change.then(() => this.#give(heir ?? this.#lowest()));
    this.#change = change;
    return change;
  }

  /** A worker has died. */
  async lost(dead: WorkerHandle): Promise<void> {
    if (this.#holder !== dead) return;
    this.#holder = undefined;
    await this.settle();
  }

  /** Gives the sockets to some worker, if none has them; tries again later where that fails. */
  async settle(): Promise<void> {
    if (this.#holder?.alive === true || this.#lowest() === undefined) return;
    const report = await this.give();
    if (report.kind !== "failed") return;
    const what = `the unix sockets are served by no worker: ${report.reason}`;
    this.#log.log("error", "fluxheim", what);
    setTimeout(() => void this.settle(), AGAIN_MS);
  }

  async #give(heir: WorkerHandle | undefined): Promise<WorkerReport> {
    if (heir === undefined) return { kind: "failed", reason: "no worker serves" };
    const report = await heir.order({ kind: "take-sockets" });
    if (report.kind !== "failed") this.#holder = heir;
    return report;
  }
}
