/**
 * A pool as an origin: an attempt at a member, and where the rules allow it at further ones, each after the one
 * before it has given everything back (spec 03 sections 4 and 13).
 *
 * @module
 */
import type { Body } from "../../../http/body.ts";
import { ClientError, ClientRequest, ClientResponse } from "../../../http/client.ts";
import type { Exchange } from "../../../gateway/exchange/exchange.ts";
import { type Call, Unavailable } from "../../../gateway/origin.ts";
import type { Refusal } from "../../../gateway/exchange/refusal.ts";
import { type BalancedOrigin, ReplayBody } from "../../proxy/edge.ts";
import { type Attempt, AttemptBody, WatchedBody } from "./attempt.ts";
import { explainChoice } from "../explain.ts";
import type { Connections } from "./connections.ts";
import type { Member } from "../member.ts";
import { isOfMember } from "./outcome.ts";
import type { Pool } from "../pool.ts";

/** One request on its way through a pool: what its attempts have used up of it. */
interface Progress {
  tried: Member[] | undefined;
  retries: number;
  waitedMs: number;
}

/** The origin of a block with several upstreams. */
export class PoolOrigin implements BalancedOrigin {
  readonly #allDown: Refusal;

  constructor(readonly pool: Pool, readonly connections: Connections) {
    this.#allDown = {
      status: pool.parts.proxy.load_balance.all_down_status,
      text: "no upstream is available",
      cause: "all_down",
      isFailure: true,
    };
  }

  async fetch(request: ClientRequest, call: Call): Promise<ClientResponse> {
    const { pool } = this;
    const { parts } = pool;
    const { retry, isTimed, failures } = parts;
    const measures = isTimed || failures.maxLatencyMs > 0;
    const progress: Progress = { tried: undefined, retries: 0, waitedMs: 0 };
    const { body } = request;
    const replay = body !== undefined && retry?.repeats(request.method) === true
      ? ReplayBody.of(body)
      : undefined;
    try {
      for (;;) {
        const attempt = pool.enter(request, call, progress.tried, progress.retries === 0) ??
          await this.#wait(request, call, progress);
        const { member } = attempt;
        note(call.exchange, member);
        const startedAt = measures ? performance.now() : 0;
        const watched = body === undefined ? undefined : new WatchedBody(replay?.attempt() ?? body);
        const sent = watched === undefined ? request : withBody(request, watched);
        try {
          const response = await this.connections.of(member).fetch(sent, call);
          const latencyMs = measures ? elapsed(startedAt, watched) : 0;
          const isFailure = failures.isFailure(response.status, latencyMs);
          pool.onAnswer(member, latencyMs, isFailure);
          if (isFailure) attempt.report(true);
          const again = retry?.covers(request.method, response.status) === true &&
            isWhole(watched, replay) && this.#mayRetry(call, progress);
          if (!again) return owned(response, attempt, call);
          attempt.end();
          response.body?.cancel();
          response.tunnel?.close();
        } catch (error) {
          const isTheirs = !call.aborted && isOfMember(error);
          if (isTheirs) {
            attempt.report(true);
            pool.onAnswer(member, performance.now() - startedAt, true);
          }
          attempt.end();
          const again = !call.aborted && retry?.allows(error, request.method) === true &&
            isWhole(watched, replay) && this.#mayRetry(call, progress);
          if (!again) throw error;
        }
        progress.retries++;
        (progress.tried ??= []).push(member);
        parts.events.count("retry", member.settings.alias);
        if (call.exchange !== undefined) call.exchange.findings.retries++;
      }
    } finally {
      replay?.release();
    }
  }

  explain(exchange: Exchange): string {
    return explainChoice(this.pool, exchange);
  }

  #mayRetry({ aborted }: Call, { retries }: Progress): boolean {
    const { retry, now } = this.pool.parts;
    return retry !== undefined && !aborted && retries < retry.maxRetries && retry.hasBudget(now());
  }

  /** Waits in the queue of the pool for what is left of the time. */
  async #wait(request: ClientRequest, call: Call, progress: Progress): Promise<Attempt> {
    const { room, events } = this.pool.parts;
    if (room === undefined) return this.#refuse();
    const { timeoutMs } = room.rules;
    const since = performance.now();
    let found: Attempt | undefined;
    const look = (): boolean => {
      found = this.pool.enter(request, call, progress.tried, false);
      return found !== undefined;
    };
    const left = timeoutMs - progress.waitedMs;
    const outcome = left <= 0 ? "timeout" : await room.wait(look, left, call);
    const waitedMs = performance.now() - since;
    progress.waitedMs += waitedMs;
    if (outcome !== "full") events.waited(outcome === "aborted" ? "other" : outcome, waitedMs);
    if (found !== undefined && !call.aborted) {
      events.count("queue_waited");
      return found;
    }
    found?.end();
    if (outcome === "aborted" || call.aborted) {
      throw new ClientError("connect", "the client has gone");
    }
    events.count(outcome === "full" ? "queue_full" : "queue_timeout");
    return this.#refuse();
  }

  #refuse(): never {
    this.pool.parts.events.count("unavailable");
    throw new Unavailable("no member of the pool is available", this.#allDown);
  }
}

/** For the access record. */
function note(exchange: Exchange | undefined, { address, settings }: Member): void {
  if (exchange === undefined) return;
  exchange.findings.upstream = address;
  exchange.findings.upstreamAlias = settings.alias;
}

/** The answer, with whose end the attempt ends. */
function owned(response: ClientResponse, attempt: Attempt, { exchange }: Call): ClientResponse {
  const { status, fields, body, tunnel } = response;
  if (tunnel !== undefined && exchange !== undefined) {
    exchange.hold(attempt);
    return response;
  }
  if (body === undefined) {
    attempt.report(false);
    attempt.end();
    return response;
  }
  return new ClientResponse(status, fields, new AttemptBody(body, attempt), tunnel);
}

/** Whether all of the request's body is there for another attempt. */
function isWhole(watched: WatchedBody | undefined, replay: ReplayBody | undefined): boolean {
  return watched === undefined || !watched.isTouched || replay?.isWhole === true;
}

/** From the complete request on: how fast a client sends says nothing about the member. */
function elapsed(startedAt: number, watched: WatchedBody | undefined): number {
  const now = performance.now();
  if (watched === undefined || !watched.isTouched) return now - startedAt;
  // An answer that came before the request was complete has taken no time.
  return watched.endedAt === 0 ? 0 : now - Math.max(startedAt, watched.endedAt);
}

function withBody(request: ClientRequest, body: Body): ClientRequest {
  const { method, target, scheme, authority, fields, upgrade, interim } = request;
  return new ClientRequest(method, target, scheme, authority, fields, body, upgrade, interim);
}
