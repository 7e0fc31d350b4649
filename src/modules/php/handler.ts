/**
 * PHP as an origin: a script's answer, by php-fpm (spec 07 sections 7 to 18).
 *
 * @module
 */
import { type Body, BytesBody } from "../../http/body.ts";
import { ClientError, type ClientRequest, type ClientResponse } from "../../http/client.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import type { SharedCount } from "../../net/fastcgi/mod.ts";
import type { AnswerMaker } from "./answer/answer_maker.ts";
import { CollectedOutput } from "./fpm/output.ts";
import { failureOf } from "./fpm/failure.ts";
import { Permit } from "./fpm/permit.ts";
import { type Job, jobOf } from "./job.ts";
import { note } from "./answer/outcome.ts";
import { textAnswer } from "./answer/own_answers.ts";
import type { MemoryBudget } from "./memory_budget.ts";
import { CollectedBody, NoRoom, type SpoolSettings } from "./request/collected_body.ts";
import { encodeParams, type ParamSettings } from "./request/params.ts";
import type { Responders } from "./fpm/responders.ts";
import { beginTimes, endTimes } from "./times.ts";

/** Bodies that may be collected at a time, for each request that php-fpm may work on. */
export const UPLOADS_PER_PERMIT = 16;

/** What a handler works with. */
export interface HandlerOptions {
  readonly responders: Responders;
  readonly answers: AnswerMaker;
  readonly params: ParamSettings;
  readonly permits: SharedCount;
  readonly uploads: SharedCount;
  readonly maxInFlight: number;
  readonly passesBody: boolean;
  readonly spool: SpoolSettings | undefined;
  readonly streams: boolean;
  readonly memory: MemoryBudget;
  /** Writes a warning. */
  warn(message: string, exchange: Exchange): void;
}

/** The origin of one `php` table. */
export class PhpHandler implements Origin {
  readonly #options: HandlerOptions;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  async fetch(request: ClientRequest, call: Call): Promise<ClientResponse> {
    const { exchange } = call;
    const job = exchange && jobOf(exchange);
    if (exchange === undefined || job === undefined) {
      throw new ClientError("connect", "PHP answers requests of clients alone");
    }
    const body = await this.#collect(request.body, exchange);
    if (body === "full") return this.#refuseForLoad(exchange);
    try {
      return await this.#withPermit(request, call, exchange, job, body);
    } finally {
      body?.release();
    }
  }

  /** The place is taken when the body is complete: a slow client must not hold it. */
  async #withPermit(
    request: ClientRequest,
    call: Call,
    exchange: Exchange,
    job: Job,
    body: CollectedBody | undefined,
  ): Promise<ClientResponse> {
    const { permits, maxInFlight } = this.#options;
    const permit = Permit.take(permits, maxInFlight);
    if (permit === undefined) return this.#refuseForLoad(exchange);
    try {
      const answer = await this.#ask(request, call, exchange, job, body, permit);
      this.#retain(answer, exchange, permit);
      return answer;
    } catch (error) {
      throw this.#explained(error, exchange);
    } finally {
      permit.release();
    }
  }

  /**
   * A collected answer is in memory until its client has it. Where many are, their clients keep their places as
   * well: no more answers are made than can be kept.
   */
  #retain({ body }: ClientResponse, exchange: Exchange, permit: Permit): void {
    if (!(body instanceof BytesBody || body instanceof CollectedOutput)) return;
    const { memory } = this.#options;
    const { length } = body;
    if (memory.tryTake(length)) {
      exchange.hold({ release: () => memory.giveBack(length) });
    } else {
      permit.share();
      exchange.hold(permit);
    }
  }

  async #ask(
    request: ClientRequest,
    call: Call,
    exchange: Exchange,
    job: Job,
    body: CollectedBody | undefined,
    permit: Permit,
  ): Promise<ClientResponse> {
    const { responders, params, streams, passesBody } = this.#options;
    // Without its length a script cannot know what is to come.
    const isPassedOn = streams && passesBody && body === undefined && request.body !== undefined;
    const contentLength = isPassedOn ? request.body?.length ?? 0 : body?.length ?? 0;
    const { connection, clientAddress, query, target, version } = exchange;
    const isDirect = clientAddress === connection.peerAddress;
    const head = encodeParams({
      method: request.method,
      version,
      target,
      query,
      authority: request.authority,
      fields: request.fields,
      clientAddress,
      clientPort: isDirect ? connection.peerPort : 0,
      localAddress: connection.localAddress,
      isTls: connection.tls !== undefined,
      scriptName: job.scriptName,
      script: job.script,
      contentLength,
      hasBody: passesBody && request.body !== undefined,
    }, params);
    if (head === undefined) return textAnswer(431, "request header fields too large");
    beginTimes(exchange);
    const answer = responders.ask({
      head,
      method: request.method,
      input: () => isPassedOn ? passedOn(request.body) : body?.reader(),
      isRepeatable: !isPassedOn,
      permit,
      call,
      job,
      answers: this.#options.answers,
      streams,
    });
    return await answer.finally(() => endTimes(exchange));
  }

  /** All of the body; `undefined` where there is none, or where it is passed on as it comes. */
  async #collect(
    body: Body | undefined,
    exchange: Exchange,
  ): Promise<CollectedBody | undefined | "full"> {
    if (body === undefined) return undefined;
    const { streams, passesBody, uploads, maxInFlight, spool, memory } = this.#options;
    if (streams && passesBody && body.length !== undefined) return undefined;
    if (!uploads.tryTake(maxInFlight * UPLOADS_PER_PERMIT)) {
      body.cancel();
      return "full";
    }
    try {
      return await CollectedBody.of(body, passesBody, spool, memory, (reason) => {
        this.#options.warn(`a body could not be written to its file: ${reason}`, exchange);
      });
    } catch (error) {
      if (error instanceof NoRoom) return "full";
      throw error;
    } finally {
      uploads.giveBack();
    }
  }

  #refuseForLoad(exchange: Exchange): ClientResponse {
    note(exchange, "in_flight_limit");
    return textAnswer(503, "php-fpm request limit reached", [["retry-after", "1"]]);
  }

  /** A failure of php-fpm is logged and becomes what the gateway takes for one of an upstream. */
  #explained(error: unknown, exchange: Exchange): unknown {
    const failure = failureOf(error);
    if (failure === undefined) return error;
    note(exchange, failure.outcome);
    if (!exchange.aborted) {
      this.#options.warn(`${failure.outcome}: ${failure.message}`, exchange);
    }
    return new ClientError(failure.isUnsent ? "connect" : "response", failure.message, {
      cause: error,
    });
  }
}

function passedOn(body: Body | undefined) {
  return body === undefined
    ? undefined
    : { read: (into: Uint8Array) => body.read(into), done() {} };
}
