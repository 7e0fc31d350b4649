/**
 * How long a client may take over an answer.
 *
 * @module
 */
import { type HttpExchange, RATE_GRACE_MS } from "../exchange.ts";

/** The time that one answer takes; one object a connection, begun again for each answer. */
export class AnswerPace {
  #beganAt = 0;
  /** How long the writes of this answer have waited for the client. */
  #blockedMs = 0;

  /** Begins an answer. `now` here and below is that of the clock, in milliseconds. */
  begin(now: number): void {
    this.#beganAt = now;
    this.#blockedMs = 0;
  }

  /** A write of this answer waited `ms` for the client. */
  blocked(ms: number): void {
    this.#blockedMs += ms;
  }

  /** When a write that begins `now` has taken too long: the nearest of the exchange's three limits. */
  deadline(exchange: HttpExchange, now: number): number {
    const nearest = Math.min(
      now + exchange.writeTimeoutMs,
      this.#beganAt + exchange.responseTimeoutMs,
    );
    if (exchange.minSendRate === 0) return nearest;
    // Only the time spent waiting for the client counts: a slow source is not its fault.
    const allowed = RATE_GRACE_MS + exchange.responseBodyBytes * 1000 / exchange.minSendRate;
    return Math.min(nearest, now + Math.max(1, allowed - this.#blockedMs));
  }
}
