/**
 * The one client of upstreams: sends a request on a connection of the pool, and once more where the rule of
 * `repeat.ts` allows it (spec 02 section 9.5). The proxy, auth requests and mirrors all use it.
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import { ClientError, ClientRequest, type ClientResponse } from "../../http/client.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type { Call, Origin } from "../../gateway/origin.ts";
import { microsecondsSince } from "../../gateway/reports/timing.ts";
import type { SourceFacts } from "../../net/dial/dial.ts";
import {
  canRefuse,
  isReused,
  type UpstreamConnection,
  type UpstreamPool,
} from "./connections/pool.ts";
import { isIdempotent, mayRepeat } from "./repeat.ts";
import { ReplayBody } from "./bodies/replay_body.ts";

/** Most refusals by connections that are new: an upstream that refuses everything is not asked for ever. */
const MAX_REFUSALS = 1;

/** How one upstream is asked. */
export interface UpstreamRules {
  /** As the log names it: `upstream app.test:80`. */
  readonly name: string;
  /** Attempts after the first one, each on a connection that may have died while idle. */
  readonly maxRetries: number;
  /** Gets a warning for each request that failed; `undefined` where the caller logs failures. */
  readonly log: Logger | undefined;
}

/** One upstream. */
export class Upstream implements Origin {
  constructor(readonly pool: UpstreamPool, readonly rules: UpstreamRules) {}

  async fetch(request: ClientRequest, call: Call): Promise<ClientResponse> {
    const { pool } = this;
    const { maxRetries } = this.rules;
    const { body } = request;
    const timed = timedOf(call);
    if (timed !== undefined) begin(timed);
    let sent = request;
    let replay: ReplayBody | undefined;
    for (let attempt = 0;; attempt++) {
      let mayRetry = false;
      try {
        const connection = this.#kept(request, attempt) ?? await this.#connect(call);
        const mayBeRefused = canRefuse(connection) && attempt < MAX_REFUSALS;
        mayRetry = attempt < maxRetries && (isReused(connection) || mayBeRefused);
        if (mayRetry && replay === undefined && body !== undefined) replay = ReplayBody.of(body);
        if (replay !== undefined) sent = withBody(request, replay.attempt());
        if (timed !== undefined) timed.findings.waitAt = microsecondsSince(timed);
        const response = await pool.send(call, connection, sent);
        call.onAbort = undefined;
        if (timed !== undefined) end(timed);
        replay?.release();
        return response;
      } catch (error) {
        call.onAbort = undefined;
        const again = mayRetry && !call.aborted && mayRepeat(error, request.method) &&
          hasBodyAgain(body, replay, error);
        if (!again) {
          replay?.release();
          if (timed !== undefined) end(timed);
          this.#report(error, call);
          throw error;
        }
        if (call.exchange !== undefined) call.exchange.findings.retries++;
      }
    }
  }

  /**
   * A connection that is there. After two dead ones the rest is no better: a new one is opened, for a request
   * that is not idempotent after the first one.
   */
  #kept({ method }: ClientRequest, attempt: number): UpstreamConnection | undefined {
    const most = isIdempotent(method) ? 1 : 0;
    return attempt > most ? undefined : this.pool.take();
  }

  async #connect(call: Call): Promise<UpstreamConnection> {
    const { pool } = this;
    const { exchange } = call;
    const source = pool.speaksForOne && exchange !== undefined ? sourceOf(exchange) : undefined;
    const timed = timedOf(call);
    if (timed !== undefined) timed.findings.connectAt = microsecondsSince(timed);
    const connection = await pool.connect(call, source);
    if (timed !== undefined) {
      const { findings } = timed;
      findings.connectUs = microsecondsSince(timed) - findings.connectAt;
    }
    if (!call.aborted) return connection;
    pool.giveBack(connection);
    throw new ClientError("connect", "the client has gone");
  }

  #report(error: unknown, { aborted, exchange }: Call): void {
    const { name, log } = this.rules;
    if (log === undefined || aborted || !(error instanceof ClientError)) return;
    const id = exchange?.requestId ?? "";
    const which = id === "" ? "" : `, request ${id}`;
    log.log(
      "warn",
      "fluxheim::proxy",
      `${name} failed (${error.stage}): ${error.message}${which}`,
    );
  }
}

/** The exchange whose times are of use, where `call` has one. */
function timedOf({ exchange }: Call): Exchange | undefined {
  return exchange === undefined || exchange.startedAt === 0 ? undefined : exchange;
}

/** The first attempt begins; a later member of a pool goes on with the same time. */
function begin(exchange: Exchange): void {
  const { findings } = exchange;
  if (findings.upstreamAt < 0) findings.upstreamAt = microsecondsSince(exchange);
}

/** There is an answer, or there will be none. */
function end(exchange: Exchange): void {
  const { findings } = exchange;
  const now = microsecondsSince(exchange);
  findings.upstreamUs = now - findings.upstreamAt;
  if (findings.waitAt >= 0) findings.waitUs = now - findings.waitAt;
}

/** The same request with another body, for another attempt. */
function withBody(request: ClientRequest, body: Body): ClientRequest {
  const { method, target, scheme, authority, fields, upgrade, interim } = request;
  return new ClientRequest(method, target, scheme, authority, fields, body, upgrade, interim);
}

/** Whether there is as much of a request's body for another attempt as there was for the one that failed. */
function hasBodyAgain(
  body: Body | undefined,
  replay: ReplayBody | undefined,
  error: unknown,
): boolean {
  if (body === undefined || replay?.isWhole === true) return true;
  return error instanceof ClientError && error.stage === "unsent";
}

/** What a PROXY header says of `exchange`: a client behind a trusted proxy has no port we know of. */
function sourceOf({ connection, clientAddress }: Exchange): SourceFacts {
  const direct = clientAddress === connection.peerAddress;
  return {
    sourceAddress: clientAddress,
    sourcePort: direct ? connection.peerPort : 0,
    localAddress: connection.localAddress,
    localPort: connection.localPort,
  };
}
