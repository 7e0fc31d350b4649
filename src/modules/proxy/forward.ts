/**
 * The proxy action: one request to the upstream, one answer back (spec 02 section 9).
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import { ClientError, ClientRequest } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";
import type { SourceFacts } from "../../net/dial/dial.ts";
import type { RequestPolicy } from "../headers/edge.ts";
import { canRefuse, isReused, type UpstreamConnection, type UpstreamPool } from "./pool.ts";
import { headLines } from "./preview.ts";
import { isIdempotent, mayRepeat } from "./repeat.ts";
import { ReplayBody } from "./replay_body.ts";
import { bodyToForward } from "./trailing_body.ts";
import { upgradeOf, type UpgradeRules } from "./upgrade.ts";

/** What the upstream could not do; `status` and body as spec 02 section 9.4 says. */
const UPSTREAM_FAILED: Refusal = { status: 502, text: "", cause: "upstream", isFailure: true };

/** Most refusals by connections that are new: an upstream that refuses everything is not asked for ever. */
const MAX_REFUSALS = 1;

/** One scope's way to its upstream. */
export interface ForwardRules {
  /** `host:port` or `unix:/path` as configured, for the log. */
  readonly upstream: string;
  /** `Host` for requests of clients that name none. */
  readonly host: string;
  readonly pool: UpstreamPool;
  readonly scheme: "http" | "https";
  readonly policy: RequestPolicy;
  /** `undefined` where nothing may be upgraded to. */
  readonly upgrades: UpgradeRules | undefined;
  /** Attempts behind the first one, each on a connection that may have died while idle. */
  readonly maxRetries: number;
  readonly bodyTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly minSendRate: number;
  /** Longest silence of an upgraded connection; 0 for no limit. */
  readonly tunnelIdleMs: number;
  readonly log: Logger;
}

/** Forwards exchanges of one scope. */
export class Forwarder {
  constructor(readonly rules: ForwardRules) {}

  /** The `forward` step. */
  async forward(exchange: Exchange): Promise<void> {
    const { rules } = this;
    exchange.upstream = rules.upstream;
    exchange.bodyTimeoutMs = rules.bodyTimeoutMs;
    exchange.writeTimeoutMs = rules.writeTimeoutMs;
    exchange.responseTimeoutMs = rules.responseTimeoutMs;
    exchange.minSendRate = rules.minSendRate;
    exchange.tunnelIdleMs = rules.tunnelIdleMs;
    const fields = new Fields();
    rules.policy.apply(exchange, fields);
    const upgrade = rules.upgrades === undefined ? undefined : upgradeOf(exchange, rules.upgrades);
    let body = bodyToForward(exchange, rules.policy);
    let replay: ReplayBody | undefined;
    for (let attempt = 0;; attempt++) {
      let mayRetry = false;
      try {
        const connection = this.#kept(exchange, attempt) ?? await this.#connect(exchange);
        const mayBeRefused = canRefuse(connection) && attempt < MAX_REFUSALS;
        mayRetry = attempt < rules.maxRetries && (isReused(connection) || mayBeRefused);
        if (mayRetry && replay === undefined && body !== undefined) replay = ReplayBody.of(body);
        if (replay !== undefined) body = replay.attempt();
        const request = this.#request(exchange, fields, body, upgrade);
        const response = await rules.pool.send(exchange, connection, request);
        exchange.onAbort = undefined;
        replay?.release();
        exchange.status = response.status;
        exchange.response = response.fields;
        exchange.responseBody = response.body;
        exchange.tunnel = response.tunnel;
        return;
      } catch (error) {
        exchange.onAbort = undefined;
        const again = mayRetry && !exchange.aborted && mayRepeat(error, exchange.method) &&
          (body === undefined || replay?.isWhole === true || isUnsent(error));
        if (!again) {
          replay?.release();
          return this.#fail(exchange, error);
        }
        exchange.upstreamRetries++;
      }
    }
  }

  /** The head that {@linkcode Forwarder.forward} would send, for `fluxheim explain`. */
  preview(exchange: Exchange): readonly string[] {
    const { policy, upgrades, pool } = this.rules;
    const fields = new Fields();
    policy.apply(exchange, fields);
    const upgrade = upgrades === undefined ? undefined : upgradeOf(exchange, upgrades);
    const request = this.#request(exchange, fields, exchange.requestBody, upgrade);
    return headLines(request, pool.options.target.version);
  }

  /**
   * A connection that is there. After two dead ones the rest is no better: a new one is opened, for a request
   * that is not idempotent after the first one.
   */
  #kept({ method }: Exchange, attempt: number): UpstreamConnection | undefined {
    const most = isIdempotent(method) ? 1 : 0;
    return attempt > most ? undefined : this.rules.pool.take();
  }

  async #connect(exchange: Exchange): Promise<UpstreamConnection> {
    const { pool } = this.rules;
    const source = pool.speaksForOne ? sourceOf(exchange) : undefined;
    const connection = await pool.connect(exchange, source);
    if (!exchange.aborted) return connection;
    pool.giveBack(connection);
    throw new ClientError("connect", "the client has gone");
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (exchange.aborted) return;
    if (!(error instanceof ClientError)) throw error;
    const { upstream, log } = this.rules;
    const which = exchange.requestId === "" ? "" : `, request ${exchange.requestId}`;
    const message = `upstream ${upstream} failed (${error.stage}): ${error.message}${which}`;
    log.log("warn", "fluxheim::proxy", message);
    // What the upstream has had of the body cannot be put back, and nobody wants the rest.
    if (error.stage !== "connect") exchange.requestBody?.cancel();
    refuse(exchange, UPSTREAM_FAILED);
  }

  #request(
    exchange: Exchange,
    fields: Fields,
    body: Body | undefined,
    upgrade: string | undefined,
  ): ClientRequest {
    const { policy, scheme, host } = this.rules;
    return new ClientRequest(
      exchange.method,
      target(exchange),
      scheme,
      // A client of HTTP/1.0 may have named no host.
      policy.authority(exchange) || host,
      fields,
      body,
      upgrade,
      exchange.interim,
    );
  }
}

/** Whether a request's body is as it was before the attempt, kept or not. */
function isUnsent(error: unknown): boolean {
  return error instanceof ClientError && error.stage === "unsent";
}

/** What is asked of the upstream: the served path and the query as it came. */
function target(exchange: Exchange): string {
  if (exchange.servedPath === exchange.path) return exchange.target;
  return exchange.query === undefined
    ? exchange.servedPath
    : exchange.servedPath + "?" + exchange.query;
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
