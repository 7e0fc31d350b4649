/**
 * A connection to an upstream that is being made, and those who wait for it.
 *
 * @module
 */
import { ClientError } from "../../http/client.ts";

/** Whoever waits for an upstream, and may go away meanwhile: an exchange, or a call of the gateway's own. */
export interface Caller {
  /** Set by who makes the caller wait; called when the caller goes away. */
  onAbort: (() => void) | undefined;
  readonly aborted: boolean;
}

/** One who waits. */
interface Seat<C> {
  readonly caller: Caller;
  readonly resolve: (connection: C) => void;
  readonly reject: (reason: unknown) => void;
}

/** A connection of type `C` on its way. It is given up when nobody waits for it any more. */
export class Opening<C> {
  readonly #giveUp = new AbortController();
  readonly #seats = new Set<Seat<C>>();

  /** Ends the attempt to connect when it is aborted. */
  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  /** How many wait. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * Waits for the connection.
   *
   * @throws {ClientError} with stage `connect`: it could not be made, or the caller has gone.
   */
  join(caller: Caller): Promise<C> {
    return new Promise((resolve, reject) => this.#take({ caller, resolve, reject }));
  }

  /** The connection is there: one who waits gets it. Tells whether somebody did. */
  give(connection: C): boolean {
    for (const seat of this.#seats) {
      this.#leave(seat);
      seat.resolve(connection);
      return true;
    }
    return false;
  }

  /** Lets one who waits here wait for another connection instead. */
  moveOneTo(other: Opening<C>): void {
    for (const seat of this.#seats) {
      this.#leave(seat);
      other.#take(seat);
      return;
    }
  }

  /** There will be no connection. */
  fail(reason: unknown): void {
    for (const seat of this.#seats) {
      this.#leave(seat);
      seat.reject(reason);
    }
  }

  #take(seat: Seat<C>): void {
    this.#seats.add(seat);
    seat.caller.onAbort = () => {
      this.#leave(seat);
      seat.reject(new ClientError("connect", "nobody waits for it any more"));
      if (this.#seats.size === 0) this.#giveUp.abort();
    };
  }

  #leave(seat: Seat<C>): void {
    this.#seats.delete(seat);
    seat.caller.onAbort = undefined;
  }
}
