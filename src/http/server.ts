/**
 * What every server codec is given: limits, the clock, and how it learns that the gateway drains.
 *
 * @module
 */
import type { Clock } from "../net/clock.ts";
import { SHUTDOWN_CUT } from "./cut.ts";
import type { HeadLimits } from "./head_limits.ts";

/** A connection that can be asked to end soon. */
export interface Drainable {
  /** Stop taking requests: close when idle, say `Connection: close` or GOAWAY when busy. */
  drain(): void;
  /**
   * Take one more request and say `Connection: close` in its answer, for which an idle connection stays
   * open as long as it would have. A protocol that can inform its peer at any time drains instead.
   */
  retire?(): void;
  /** Requests under way, of a protocol with several at a time. */
  readonly underWay?: number;
  /**
   * End now, whatever is in flight.
   *
   * @param reason For the log, of each exchange that this cuts.
   */
  abort(reason: string): void;
}

/** The open connections of one listener. A server codec adds itself at the start and removes itself at its end. */
export class OpenConnections {
  readonly #open = new Set<Drainable>();
  /** Whether a connection that is added is asked to end at once. */
  draining = false;

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** Requests under way on connections that have several at a time. */
  get streams(): number {
    let count = 0;
    for (const connection of this.#open) count += connection.underWay ?? 0;
    return count;
  }

  /** Counts a connection in. */
  add(connection: Drainable): void {
    this.#open.add(connection);
    if (this.draining) connection.drain();
  }

  /** Counts one out. */
  delete(connection: Drainable): void {
    this.#open.delete(connection);
  }

  /** Asks every connection to end soon, and those that are added later. */
  drain(): void {
    this.draining = true;
    for (const connection of this.#open) connection.drain();
  }

  /** Lets every connection end without a request being lost: none is closed while one may be on its way. */
  retire(): void {
    for (const connection of this.#open) {
      if (connection.retire === undefined) connection.drain();
      else connection.retire();
    }
  }

  /** Ends every connection now. */
  abort(): void {
    for (const connection of this.#open) connection.abort(SHUTDOWN_CUT);
  }
}

/** What a server codec works with. */
export interface ServerOptions {
  /** Read again for each request, so that a reload changes it on kept-alive connections. */
  readonly limits: HeadLimits;
  readonly clock: Clock;
  readonly open: OpenConnections;
  /** Longest wait for a request head, and for the next one on a kept-alive connection. */
  readonly headTimeoutMs: number;
  /** Longest wait for the first byte of the next head on a kept-alive HTTP/1 connection, where it differs. */
  readonly idleTimeoutMs?: number;
}
