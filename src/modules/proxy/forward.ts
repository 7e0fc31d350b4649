/**
 * The proxy action: what its upstream is asked for an exchange, by the header policy of the scope (spec 02
 * section 9).
 *
 * @module
 */
import { ClientRequest } from "../../http/client.ts";
import { Fields } from "../../http/fields.ts";
import type { Body } from "../../http/body.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import type { OriginSteps } from "../../gateway/module.ts";
import type { Origin } from "../../gateway/origin.ts";
import type { UpstreamTarget } from "../../net/dial/dial.ts";
import type { RequestPolicy } from "../headers/edge.ts";
import { headLines } from "./preview.ts";
import { bodyToForward } from "./bodies/trailing_body.ts";
import { upgradeOf, type UpgradeRules } from "./connections/upgrade.ts";

/** One scope's way to its upstream. */
export interface ForwardRules {
  /** `host:port` or `unix:/path` as configured, for the access record; `""` where a pool chooses. */
  readonly upstream: string;
  /** `Host` for requests of clients that name none. */
  readonly host: string;
  readonly origin: Origin;
  /** What is spoken with it, as far as is known beforehand. */
  readonly version: UpstreamTarget["version"];
  readonly scheme: "http" | "https";
  readonly policy: RequestPolicy;
  /** `undefined` where nothing may be upgraded to. */
  readonly upgrades: UpgradeRules | undefined;
  readonly bodyTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly minSendRate: number;
  /** Longest silence of an upgraded connection; 0 for no limit. */
  readonly tunnelIdleMs: number;
}

/** Makes the requests of one scope. */
export class Forwarder implements OriginSteps {
  readonly origin: Origin;

  constructor(readonly rules: ForwardRules) {
    this.origin = rules.origin;
  }

  request(exchange: Exchange): ClientRequest {
    const { rules } = this;
    exchange.findings.upstream = rules.upstream;
    exchange.bodyTimeoutMs = rules.bodyTimeoutMs;
    exchange.writeTimeoutMs = rules.writeTimeoutMs;
    exchange.responseTimeoutMs = rules.responseTimeoutMs;
    exchange.minSendRate = rules.minSendRate;
    exchange.tunnelIdleMs = rules.tunnelIdleMs;
    return this.#request(exchange, bodyToForward(exchange, rules.policy));
  }

  /** The head of {@linkcode Forwarder.request}, for `fluxheim explain`. */
  preview(exchange: Exchange): readonly string[] {
    const request = this.#request(exchange, exchange.requestBody);
    return headLines(request, this.rules.version);
  }

  #request(exchange: Exchange, body: Body | undefined): ClientRequest {
    const { policy, upgrades, scheme, host } = this.rules;
    const fields = new Fields();
    policy.apply(exchange, fields);
    return new ClientRequest(
      exchange.method,
      target(exchange),
      scheme,
      // A client of HTTP/1.0 may have named no host.
      policy.authority(exchange) || host,
      fields,
      body,
      upgrades === undefined ? undefined : upgradeOf(exchange, upgrades),
      exchange.interim,
    );
  }
}

/** What is asked of the upstream: the served path and the query as it came. */
function target(exchange: Exchange): string {
  if (exchange.servedPath === exchange.path) return exchange.target;
  return exchange.query === undefined
    ? exchange.servedPath
    : exchange.servedPath + "?" + exchange.query;
}
