/**
 * How long a client may take over an answer.
 *
 * @module
 */
import { rateCut, totalCut, writeCut } from "../cut.ts";
import { type HttpExchange, RATE_GRACE_MS } from "../exchange.ts";

/** The time that one answer takes; one object a connection, begun again for each answer. */
export class AnswerPace {
  #beganAt = 0;
  /** How long the writes of this answer have waited for the client. */
  #blockedMs = 0;
  /** Says which limit the latest {@linkcode AnswerPace.deadline} is of. */
  #cut: (exchange: HttpExchange) => string = writeCut;

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
    let nearest = now + exchange.writeTimeoutMs;
    this.#cut = writeCut;
    const end = this.end(exchange);
    if (end !== 0 && end < nearest) {
      nearest = end;
      this.#cut = totalCut;
    }
    if (exchange.minSendRate === 0) return nearest;
    // Only the time spent waiting for the client counts: a slow source is not its fault.
    const allowed = RATE_GRACE_MS + exchange.responseBodyBytes * 1000 / exchange.minSendRate;
    const tooSlow = now + Math.max(1, allowed - this.#blockedMs);
    if (tooSlow >= nearest) return nearest;
    this.#cut = rateCut;
    return tooSlow;
  }

  /** When the whole answer has taken too long; 0 for no limit. */
  end({ responseTimeoutMs }: HttpExchange): number {
    return responseTimeoutMs === 0 ? 0 : this.#beganAt + responseTimeoutMs;
  }

  /** Why an answer was cut whose {@linkcode AnswerPace.deadline} has passed. */
  reason(exchange: HttpExchange): string {
    return this.#cut(exchange);
  }
}
