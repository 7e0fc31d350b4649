/**
 * The idle connections of one worker to one responder. How many there are in all workers is counted in
 * shared memory, because each of them occupies a process of the responder.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { dial, DialError, type UpstreamTarget } from "../dial/dial.ts";
import { FastCgiConnection } from "./connection.ts";

/** What happens to connections, for counters. */
export type PoolEvent = "connect" | "reuse" | "return" | "drop_stale" | "discard_full";

/** A count over all workers. */
export interface SharedCount {
  tryTake(max: number): boolean;
  giveBack(): void;
}

/** How connections to one responder are made and kept. */
export interface PoolOptions {
  readonly target: UpstreamTarget;
  readonly clock: Clock;
  /** Most idle connections, in all workers; 0 keeps none. */
  readonly maxIdle: number;
  readonly idleMs: number;
  readonly idle: SharedCount;
  /** Told of each event; `idle` is how many connections of this worker are idle afterwards. */
  onEvent?(event: PoolEvent, idle: number): void;
}

/** Pause before another attempt where the queue of a unix socket is full. */
const FULL_PAUSE_MS = 20;

/** Connections of one worker to one responder. */
export class FastCgiPool {
  readonly #options: PoolOptions;
  /** The one that became idle first is the first: a responder may still be at work after its answer. */
  readonly #idle: FastCgiConnection[] = [];
  readonly #busy = new Set<FastCgiConnection>();
  readonly #stopWatching: () => void;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#stopWatching = options.clock.every(() => this.#dropOld());
  }

  /** How many connections of this worker are idle. */
  get idle(): number {
    return this.#idle.length;
  }

  /** An idle connection, if there is one. */
  take(): FastCgiConnection | undefined {
    this.#dropOld();
    const connection = this.#idle.shift();
    if (connection === undefined) return undefined;
    this.#options.idle.giveBack();
    this.#busy.add(connection);
    this.#tell("reuse");
    return connection;
  }

  /**
   * Opens a connection. A unix socket with a full queue refuses at once, where TCP would wait: it is asked
   * again until the time to connect is over.
   *
   * @throws {DialError}
   */
  async dial(signal?: AbortSignal): Promise<FastCgiConnection> {
    const { target, clock } = this.#options;
    const limitMs = target.connectTimeoutMs ?? Infinity;
    const start = clock.now;
    for (;;) {
      try {
        const { stream } = await dial(target, undefined, clock, signal);
        const connection = new FastCgiConnection(stream);
        if (this.#isClosed) {
          connection.close();
          throw new DialError("aborted", "the pool was closed");
        }
        this.#busy.add(connection);
        this.#tell("connect");
        return connection;
      } catch (error) {
        if (!isFull(error)) throw error;
        if (clock.now - start >= limitMs || signal?.aborted === true || this.#isClosed) {
          throw new DialError("timeout", `${target.path}: its queue was full for too long`, {
            cause: error,
          });
        }
        await new Promise((resolve) => setTimeout(resolve, FULL_PAUSE_MS));
      }
    }
  }

  /** An exchange is over: keeps its connection where it may be used again, else closes it. */
  giveBack(connection: FastCgiConnection): void {
    this.#busy.delete(connection);
    const { maxIdle, idle } = this.#options;
    if (!connection.isClean || maxIdle === 0 || this.#isClosed) {
      connection.close();
      return;
    }
    if (!idle.tryTake(maxIdle)) {
      connection.close();
      this.#tell("discard_full");
      return;
    }
    connection.idleSince = this.#options.clock.now;
    this.#idle.push(connection);
    connection.rest(() => this.#drop(connection));
    this.#tell("return");
  }

  /** Closes all connections, those in use as well. */
  close(): void {
    this.#isClosed = true;
    this.#stopWatching();
    for (const connection of this.#idle) {
      this.#options.idle.giveBack();
      connection.close();
    }
    this.#idle.length = 0;
    for (const connection of this.#busy) connection.close();
    this.#busy.clear();
  }

  #dropOld(): void {
    const { clock, idleMs } = this.#options;
    while (this.#idle.length > 0 && clock.now - this.#idle[0].idleSince > idleMs) {
      this.#drop(this.#idle[0]);
    }
  }

  #drop(connection: FastCgiConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#options.idle.giveBack();
    connection.close();
    this.#tell("drop_stale");
  }

  #tell(event: PoolEvent): void {
    this.#options.onEvent?.(event, this.#idle.length);
  }
}

function isFull(error: unknown): boolean {
  if (!(error instanceof DialError)) return false;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && cause.code === "EAGAIN";
}
