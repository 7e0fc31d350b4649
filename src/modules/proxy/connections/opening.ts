/**
 * A connection to an upstream that is being made, and those who wait for it.
 *
 * @module
 */
import { ClientError } from "../../../http/client.ts";
import type { Call } from "../../../gateway/origin.ts";

/** One who waits. */
interface Seat<C> {
  readonly caller: Call;
  readonly resolve: (connection: C) => void;
  readonly reject: (reason: unknown) => void;
}

/** A connection of type `C` on its way. It is cancelled when no request waits for it any more. */
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
  join(caller: Call): Promise<C> {
    return new Promise((resolve, reject) => this.#take({ caller, resolve, reject }));
  }

  /** The connection is there: one who waits gets it. Returns whether one did. */
  give(connection: C): boolean {
    for (const seat of this.#seats) {
      this.#leave(seat);
      if (this.signal.aborted) {
        seat.reject(callerHasGone());
        return false;
      }
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
    seat.caller.onAbort = () => this.#abandon(seat);
  }

  /**
   * The caller has gone. The last one is kept until the attempt has ended, so that what bounds callers
   * (streams, permits) bounds the sockets that are opened for them, too.
   */
  #abandon(seat: Seat<C>): void {
    if (this.#seats.size === 1) {
      this.#giveUp.abort();
      return;
    }
    this.#leave(seat);
    seat.reject(callerHasGone());
  }

  #leave(seat: Seat<C>): void {
    this.#seats.delete(seat);
    seat.caller.onAbort = undefined;
  }
}

function callerHasGone(): ClientError {
  return new ClientError("connect", "the caller has gone");
}
