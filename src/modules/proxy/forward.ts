/**
 * The proxy action: one request to the upstream, one answer back (spec 02 section 9).
 *
 * @module
 */
import type { Body } from "../../http/body.ts";
import { ClientError, type ClientRequest, type ClientResponse } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";
import { Http1Client } from "../../http/h1/client.ts";
import type { RequestPolicy } from "../headers/module.ts";
import { isReused, requestFor, type UpstreamPool } from "./pool.ts";
import { MAX_REPLAY_BYTES, ReplayBody } from "./replay_body.ts";
import { upgradeOf, type UpgradeRules } from "./upgrade.ts";

/** What the upstream could not do; `status` and body as spec 02 section 9.4 says. */
const UPSTREAM_FAILED: Refusal = { status: 502, text: "", cause: "upstream" };

/** One scope's way to its upstream. */
export interface ForwardRules {
  /** `host:port` as configured, for the log. */
  readonly upstream: string;
  readonly pool: UpstreamPool;
  readonly scheme: "http" | "https";
  readonly policy: RequestPolicy;
  /** The upstream is told when the client understands trailers (gRPC needs it). */
  readonly trailers: boolean;
  readonly upgrades: UpgradeRules;
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
    const upgrade = exchange.request.has("upgrade")
      ? upgradeOf(exchange, rules.upgrades)
      : undefined;
    const fields = new Fields();
    rules.policy.apply(exchange, fields);
    // A hop-by-hop field, and the one way to tell an HTTP/2 upstream that trailers are understood.
    if (rules.trailers && exchange.request.get("te") === "trailers") {
      fields.append("te", "trailers");
    }
    try {
      this.#answer(exchange, await this.#send(exchange, fields, upgrade));
    } catch (error) {
      if (exchange.aborted) return;
      if (!(error instanceof ClientError)) throw error;
      rules.log.log(
        "warn",
        "fluxheim::proxy",
        `upstream ${rules.upstream} failed (${error.stage}): ${error.message}`,
      );
      refuse(exchange, UPSTREAM_FAILED);
    } finally {
      exchange.onAbort = undefined;
    }
  }

  /** The head that {@linkcode Forwarder.forward} would send, for `fluxheim explain`. */
  preview(exchange: Exchange): readonly string[] {
    const { policy } = this.rules;
    const fields = new Fields();
    policy.apply(exchange, fields);
    const lines = [`${exchange.method} ${target(exchange)}`, `host: ${policy.authority(exchange)}`];
    for (const [name, value] of fields) lines.push(`${name}: ${value}`);
    return lines;
  }

  /**
   * Sends the request; again on another connection, when a kept one turns out to have died before it
   * took the request, and the body can be sent again.
   */
  async #send(
    exchange: Exchange,
    fields: Fields,
    upgrade: string | undefined,
  ): Promise<ClientResponse> {
    const { rules } = this;
    let body: Body | undefined = exchange.requestBody;
    for (let attempt = 0;; attempt++) {
      // A second dead connection in a row: the rest of the idle ones is no better, so open a new one.
      const kept = attempt > 1 ? undefined : rules.pool.take();
      const connection = kept ?? await rules.pool.connect(exchange);
      if (exchange.aborted) {
        if (connection instanceof Http1Client) connection.close();
        throw new ClientError("connect", "the client has gone");
      }
      const mayRetry = isReused(connection) && attempt < rules.maxRetries;
      let replay: ReplayBody | undefined;
      if (body !== undefined && mayRetry && (body.length ?? 0) <= MAX_REPLAY_BYTES) {
        body = replay = new ReplayBody(body);
      }
      const request: ClientRequest = {
        method: exchange.method,
        target: target(exchange),
        scheme: rules.scheme,
        // A client of HTTP/1.0 may have named no host.
        authority: rules.policy.authority(exchange) || rules.upstream,
        fields,
        body,
        upgrade,
      };
      try {
        return await requestFor(exchange, connection, request);
      } catch (error) {
        const safe = error instanceof ClientError && error.stage === "unprocessed" && mayRetry;
        if (!safe || exchange.aborted) throw error;
        if (body !== undefined) {
          const again = replay?.replay();
          if (again === undefined) throw error;
          body = again;
        }
        exchange.upstreamRetries++;
      }
    }
  }

  #answer(exchange: Exchange, response: ClientResponse): void {
    exchange.status = response.status;
    exchange.response = response.fields;
    exchange.responseBody = response.body;
    exchange.tunnel = response.tunnel;
  }
}

/** What is asked of the upstream: the served path and the query as it came. */
function target(exchange: Exchange): string {
  if (exchange.servedPath === exchange.path) return exchange.target;
  return exchange.query === undefined
    ? exchange.servedPath
    : exchange.servedPath + "?" + exchange.query;
}
