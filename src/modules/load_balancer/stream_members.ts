/** The members of a pool for connections of streams. @module */
import type { StreamPool, StreamTries, StreamTry } from "../../gateway/stream_pool.ts";
import type { Attempt } from "./request/attempt.ts";
import type { Member } from "./member.ts";
import { isOfDial } from "./request/outcome.ts";
import type { Pool } from "./pool.ts";

/** A pool whose members are dialled by another module. */
export class StreamMembers implements StreamPool {
  constructor(readonly pool: Pool) {}

  begin(client: string): StreamTries {
    return new Tries(this.pool, client);
  }
}

/** The members of one connection: each once. */
class Tries implements StreamTries {
  #tried: Member[] | undefined;

  constructor(readonly pool: Pool, readonly client: string) {}

  next(): StreamTry | undefined {
    const { events } = this.pool.parts;
    const tried = this.#tried;
    const attempt = this.pool.choose(this.client, tried, tried === undefined);
    if (attempt === undefined) {
      if (tried === undefined) events.count("unavailable");
      return undefined;
    }
    const { member } = attempt;
    // Where no other one is left the pool offers those that were tried.
    if (tried?.includes(member) === true) {
      attempt.end();
      return undefined;
    }
    if (tried === undefined) this.#tried = [member];
    else {
      tried.push(member);
      events.count("retry", member.settings.alias);
    }
    return new Try(this.pool, attempt);
  }
}

class Try implements StreamTry {
  readonly #pool: Pool;
  readonly #attempt: Attempt;
  readonly #startedAt: number;

  constructor(pool: Pool, attempt: Attempt) {
    this.#pool = pool;
    this.#attempt = attempt;
    this.#startedAt = measures(pool) ? performance.now() : 0;
  }

  get address(): string {
    return this.#attempt.member.address;
  }

  get name(): string {
    return this.#attempt.member.name;
  }

  connected(): void {
    if (!measures(this.#pool)) return;
    const latencyMs = performance.now() - this.#startedAt;
    const { maxLatencyMs } = this.#pool.parts.failures;
    const isFailure = maxLatencyMs > 0 && latencyMs >= maxLatencyMs;
    this.#pool.onAnswer(this.#attempt.member, latencyMs, isFailure);
    if (isFailure) this.#attempt.report(true);
  }

  report(isFailure: boolean): void {
    this.#attempt.report(isFailure);
  }

  failed(error: unknown): void {
    if (isOfDial(error)) {
      const latencyMs = measures(this.#pool) ? performance.now() - this.#startedAt : 0;
      this.#attempt.report(true);
      this.#pool.onAnswer(this.#attempt.member, latencyMs, true);
    }
    this.#attempt.end();
  }

  end(): void {
    this.#attempt.end();
  }
}

function measures({ parts: { isTimed, failures } }: Pool): boolean {
  return isTimed || failures.maxLatencyMs > 0;
}
