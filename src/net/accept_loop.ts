/** Accepting connections until told to stop, come what may. @module */
import type { Clock } from "./clock.ts";

/** How often {@linkcode AcceptLoop.drain} looks at most, and how often in a row it must see nothing. */
const DRAIN_TURNS = 200;
const QUIET_TURNS = 3;

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
  #accepted = 0;
  #resume: (() => void) | undefined;
  #ended: Promise<void> = Promise.resolve();

  /**
   * @param onConnection Must not throw; it is not waited for.
   * @param onFault Told once a pause, for the log.
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
   * Accepts what has been waiting, for a moment at most. When another socket of the same port is open,
   * hardly anything is left to be lost by closing this one: what arrives in the last moment, and what is
   * still in TCP's handshake. (The kernel hands these over too with `net.ipv4.tcp_migrate_req=1`.)
   */
  async drain(): Promise<void> {
    let seen = this.#accepted;
    for (let turn = 0, quiet = 0; turn < DRAIN_TURNS && quiet < QUIET_TURNS; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      quiet = seen === this.#accepted ? quiet + 1 : 0;
      seen = this.#accepted;
    }
  }

  /** Stops accepting; a second call does nothing. When this returns, the socket is closed. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.source.close();
      this.#resume?.();
    }
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
      this.#accepted++;
      this.onConnection(connection);
    }
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

/** Whether a client had gone before it was accepted, which says nothing about the listener. */
function leftTheQueue(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
