/**
 * The php-fpm of one table: one endpoint or several, which are asked in turn, and the one rule on what is
 * asked again (spec 07 section 13).
 *
 * @module
 */
import type { ClientResponse } from "../../../http/client.ts";
import type { Call } from "../../../gateway/origin.ts";
import type { Clock } from "../../../net/clock.ts";
import type { FastCgiConnection, FastCgiPool, InputSource } from "../../../net/fastcgi/mod.ts";
import type { AnswerMaker } from "../answer/answer_maker.ts";
import { Attempt } from "./attempt.ts";
import { failureOf } from "./failure.ts";
import type { Permit } from "./permit.ts";
import { ErrorText } from "./stderr.ts";
import { beginConnect, beginWait, endConnect } from "../times.ts";
import type { Job } from "../job.ts";

/** Time in which an endpoint that refused a connection is asked last. */
const DOWN_MS = 5_000;

/** Why a request is asked again, for metrics. */
export type RetryReason = "connect_timeout" | "connection_error" | "other";

/** One endpoint in one worker; it outlives a reload. */
export interface Responder {
  readonly pool: FastCgiPool;
  /** `clock.now` until which it is asked last. */
  downUntil: number;
}

/** The rules. */
export interface ResponderRules {
  readonly clock: Clock;
  /** What moves in neither direction for so long is given up. */
  readonly silenceMs: number;
  readonly maxBytes: number;
  readonly maxRetries: number;
  /** No further attempt begins later; `Infinity` for no limit. */
  readonly retryWindowMs: number;
  readonly retryMethods: ReadonlySet<string>;
  readonly retriesInvalid: boolean;
  readonly retryStatuses: ReadonlySet<number>;
  readonly stderrMaxBytes: number;
  readonly stderrPatterns: readonly Uint8Array[];
  onRetry(reason: RetryReason): void;
}

/** A request's body, for one attempt. */
export interface Input extends InputSource {
  /** The attempt does not read it any more. */
  done(): void;
}

/** One request. */
export interface Question {
  readonly head: Uint8Array;
  readonly method: string;
  /** The body for an attempt, from its beginning. */
  input(): Input | undefined;
  /** Whether the body is there for another attempt. */
  readonly isRepeatable: boolean;
  readonly permit: Permit;
  readonly call: Call;
  readonly job: Job;
  readonly answers: AnswerMaker;
  readonly streams: boolean;
}

/** The endpoints of one table. */
export class Responders {
  readonly #responders: readonly Responder[];
  readonly #rules: ResponderRules;
  #next = 0;

  constructor(responders: readonly Responder[], rules: ResponderRules) {
    this.#responders = responders;
    this.#rules = rules;
  }

  /**
   * Asks one of them, and others or the same again where that is allowed.
   *
   * @throws What {@linkcode failureOf} explains.
   */
  async ask(question: Question): Promise<ClientResponse> {
    const { clock, maxRetries, retryMethods, retriesInvalid, retryStatuses, retryWindowMs } =
      this.#rules;
    const { method, call, isRepeatable } = question;
    const mayRepeat = retryMethods.has(method) && isRepeatable;
    const others = this.#responders.length - 1;
    const begun = clock.now;
    const order = this.#order();
    for (let attempt = 0;; attempt++) {
      const responder = order[attempt % order.length];
      const hasMore = (mayRepeat ? attempt < Math.max(maxRetries, others) : attempt < others) &&
        clock.now - begun < retryWindowMs;
      let reason: RetryReason;
      try {
        const answer = await this.#askOne(responder, question, mayRepeat);
        if (!hasMore || !mayRepeat || !retryStatuses.has(answer.status)) return answer;
        answer.body?.cancel();
        reason = "other";
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined || call.aborted || !hasMore) throw error;
        const { isUnsent, outcome, isOversized } = failure;
        const isInvalid = outcome === "invalid_response" && mayRepeat && retriesInvalid &&
          !isOversized;
        if (!isInvalid && !(isUnsent && outcome !== "fpm_error")) throw error;
        reason = isUnsent && isRetryReason(outcome) ? outcome : "other";
      }
      this.#rules.onRetry(reason);
      if (call.exchange !== undefined) call.exchange.findings.retries++;
    }
  }

  /** In turn, those that refused a connection a moment ago last. */
  #order(): readonly Responder[] {
    const all = this.#responders;
    if (all.length === 1) return all;
    const start = this.#next++ % all.length;
    const turned = [...all.slice(start), ...all.slice(0, start)];
    const { now } = this.#rules.clock;
    const isUp = ({ downUntil }: Responder) => downUntil <= now;
    return [...turned.filter(isUp), ...turned.filter((responder) => !isUp(responder))];
  }

  async #askOne(
    responder: Responder,
    question: Question,
    mayRepeat: boolean,
  ): Promise<ClientResponse> {
    // A worker that has had its share of requests ends the connection at any moment. What was sent on it then may
    // have been executed: only what may be asked again is sent there.
    const kept = mayRepeat ? responder.pool.take() : undefined;
    if (kept !== undefined) {
      try {
        return await this.#askOn(kept, responder, question);
      } catch (error) {
        const failure = failureOf(error);
        const isLost = failure?.outcome === "fpm_error" && !failure.hasAnswered;
        if (!isLost || question.call.aborted) throw error;
      }
    }
    return await this.#askOn(await this.#dial(responder, question.call), responder, question);
  }

  async #dial(responder: Responder, call: Call): Promise<FastCgiConnection> {
    const gone = new AbortController();
    call.onAbort = () => gone.abort();
    beginConnect(call.exchange);
    try {
      const connection = await responder.pool.dial(gone.signal);
      endConnect(call.exchange);
      responder.downUntil = 0;
      return connection;
    } catch (error) {
      if (!call.aborted) responder.downUntil = this.#rules.clock.now + DOWN_MS;
      throw error;
    } finally {
      call.onAbort = undefined;
    }
  }

  async #askOn(
    connection: FastCgiConnection,
    { pool }: Responder,
    question: Question,
  ): Promise<ClientResponse> {
    const { clock, silenceMs, maxBytes, stderrMaxBytes, stderrPatterns } = this.#rules;
    const { head, permit, call, answers, job, streams } = question;
    const input = question.input();
    const errors = new ErrorText(stderrMaxBytes, stderrPatterns);
    const attempt = new Attempt({
      connection,
      pool,
      clock,
      permit,
      head,
      input,
      silenceMs,
      maxBytes: streams ? Infinity : maxBytes,
      errors,
      onOver: () => input?.done(),
    });
    call.onAbort = () => attempt.abandon();
    beginWait(call.exchange);
    if (call.aborted) attempt.abandon();
    try {
      return streams
        ? await answers.streamed(attempt, errors, job, call.exchange)
        : await answers.whole(attempt, errors, job, call.exchange);
    } catch (error) {
      // A message that is not an answer is not read to its end.
      attempt.abandon();
      throw error;
    } finally {
      call.onAbort = undefined;
    }
  }
}

function isRetryReason(outcome: string): outcome is "connect_timeout" | "connection_error" {
  return outcome === "connect_timeout" || outcome === "connection_error";
}
