/** Accepting connections until stopped, whatever fails. @module */
import type { Clock } from "../clock.ts";

/** Turns of the event loop after which no connection can have been waiting since they began. */
const QUIET_TURNS = 3;
/** Microtasks within which the runtime hands over a connection that is there; it takes two. */
const MICROTASKS = 8;
/** Most connections that are taken at once: as many as the kernel's queue holds (`net.core.somaxconn`). */
const MAX_WAITING = 4_096;

/** What a loop accepts from: a `Deno.TcpListener` or `Deno.TlsListener`. */
export interface Acceptor<C> {
  accept(): Promise<C>;
  close(): void;
}

/**
 * Accepts connections from one socket. An error of `accept` never ends it: a client that left the queue
 * is skipped, and when the process has no more descriptors (`EMFILE`) the loop waits for the next tick
 * of the clock instead of spinning.
 */
export class AcceptLoop<C> {
  #closed = false;
  #leaving = false;
  #resume: (() => void) | undefined;
  #ended: Promise<void> = Promise.resolve();

  /**
   * @param onConnection Must not throw; it is not waited for.
   * @param onFault Called once a pause, for the log.
   */
  constructor(
    readonly source: Acceptor<C>,
    readonly clock: Clock,
    readonly onConnection: (connection: C) => void,
    readonly onFault: (error: Error) => void,
  ) {}

  /** Begins to accept, until {@linkcode AcceptLoop.close}. */
  start(): void {
    this.#ended = this.#run();
  }

  /**
   * Closes the socket at a moment when no connection waits in its queue; when this returns, it is closed. With
   * another socket of the same port open, hardly anything is lost then: what arrives within the moment,
   * and what is still in TCP's handshake. (The kernel hands these over too with
   * `net.ipv4.tcp_migrate_req=1`.)
   */
  async retire(): Promise<void> {
    this.#leaving = true;
    for (let turn = 0; turn < QUIET_TURNS && !this.#closed; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await this.close();
  }

  /** Stops accepting; a second call does nothing. When this returns, the socket is closed. */
  async close(): Promise<void> {
    this.#shut();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      let connection: C;
      try {
        connection = await this.source.accept();
      } catch (error) {
        if (this.#closed) return;
        if (leftTheQueue(error)) continue;
        this.onFault(error instanceof Error ? error : new Error(String(error)));
        await this.#pause();
        continue;
      }
      if (this.#leaving) await this.#takeLast(connection);
      else this.onConnection(connection);
    }
  }

  /** Empties the queue without letting anything else run, and closes before anything else does. */
  async #takeLast(first: C): Promise<void> {
    const last = [first];
    let arrived = true;
    let pending: Promise<unknown> = Promise.resolve();
    while (arrived && last.length < MAX_WAITING) {
      arrived = false;
      pending = this.source.accept().then((connection) => {
        arrived = true;
        last.push(connection);
      }, () => {});
      for (let tick = 0; tick < MICROTASKS && !arrived; tick++) await undefined;
    }
    this.#shut();
    await pending;
    last.forEach(this.onConnection);
  }

  #shut(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.source.close();
    this.#resume?.();
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = this.clock.every(resolve);
      this.#resume = () => {
        stop();
        resolve();
      };
    });
    this.#resume?.();
    this.#resume = undefined;
  }
}

/**
 * Whether a client had gone before it was accepted, which says nothing about the listener. The runtime asks
 * an accepted connection for its peer, and after a reset there is none (`NotConnected`).
 */
function leftTheQueue(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.NotConnected;
}
