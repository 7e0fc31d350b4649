/** The reverse proxy at work (spec 02 section 9). @module */
import { SILENT } from "../../gateway/log_none.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type { Logger } from "../../gateway/log.ts";
import type {
  EdgeModule,
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import { type Refusal, refuse } from "../../gateway/refusal.ts";
import { policiesOf } from "../headers/edge.ts";
import { authLimits, AuthRequest } from "./auth_request.ts";
import { endpointOf } from "./endpoint.ts";
import { Forwarder } from "./forward.ts";
import { checkGrpc, explainGrpc } from "./grpc.ts";
import { keptPool } from "./pool.ts";
import type { ProxyConfig } from "./schema.ts";
import { serviceAt } from "./service.ts";
import { isGlobal, originOf, proxyOf } from "./table.ts";
import { hostOf, targetOf, timeoutsOf, versionOf } from "./target.ts";
import { upgradeRules } from "./upgrade.ts";
import { Upstream } from "./upstream.ts";
import { UpstreamMaterial } from "./upstream_files.ts";

export { type Endpoint, endpointOf } from "./endpoint.ts";
export { CLAIMED_ADDRESS_FIELDS, ForwardedFields } from "./forwarded_fields.ts";
export { type Question, type Service, serviceAt, type ServiceLimits } from "./service.ts";

/** The capability, for workers. */
export const edge: EdgeModule = {
  name: "proxy",
  open: () => ({ start: (context) => new RunningProxy(context) }),
};

const PROTOCOL_NAMES = {
  "http1": "HTTP/1.1",
  "http2": "HTTP/2",
  "http1-and-http2": "HTTP/2 or HTTP/1.1",
};

/** A vhost's proxy block says how to forward, but not where to. */
const NOT_CONFIGURED: Refusal = {
  status: 502,
  text: "proxy upstream not configured",
  cause: "no_upstream",
  isFailure: true,
};

function isGrpc({ route }: RouteScope): boolean {
  return route?.grpc?.enabled === true;
}

/** The proxy of one worker and one snapshot. */
class RunningProxy implements RunningModule {
  readonly #material: UpstreamMaterial;
  readonly #forwarders = new Map<ProxyConfig, Forwarder>();
  readonly #authRequests = new Map<ProxyConfig, AuthRequest>();
  /** Privacy builds: no client address is sent, no request leaves a trace in the log. */
  readonly #zeroRetention: boolean;
  readonly #log: Logger;

  constructor(readonly context: SnapshotContext) {
    this.#material = new UpstreamMaterial(context.files);
    this.#zeroRetention = context.modules.has("privacy-mode");
    this.#log = this.#zeroRetention ? SILENT : context.log;
  }

  plan(scope: RouteScope): Steps | undefined {
    const proxy = proxyOf(scope);
    if (proxy === undefined) return undefined;
    const origin = originOf(proxy);
    if (origin === undefined) {
      // `[proxy]` without an upstream switches the proxy of the implicit vhost off (spec 02 section 1).
      if (isGlobal(scope)) return undefined;
      return { forward: (exchange) => refuse(exchange, NOT_CONFIGURED) };
    }
    const forwarder = this.#forwarder(scope, proxy, origin);
    this.#forwarders.set(proxy, forwarder);
    return {
      check: isGrpc(scope) ? checkGrpc : undefined,
      authorize: this.#authorize(scope, proxy),
      origin: forwarder,
    };
  }

  /** Connections are the worker's: other snapshots may use them. */
  stop(): void {}

  explain(scope: RouteScope, exchange: Exchange, phase?: Phase): string | undefined {
    const proxy = proxyOf(scope);
    if (proxy === undefined) return undefined;
    if (phase === "authorize") return this.#authRequests.get(proxy)?.explain(exchange);
    const origin = originOf(proxy);
    if (origin === undefined) {
      return isGlobal(scope) ? undefined : "no upstream is configured";
    }
    const refused = isGrpc(scope) ? explainGrpc(exchange) : undefined;
    if (refused !== undefined) return refused;
    const { upstream_tls: tls, auth_request: auth } = proxy;
    const protocol = PROTOCOL_NAMES[versionOf(proxy)];
    const asked = auth?.enabled === true ? `asks ${auth.url}, then ` : "";
    return `${asked}forwards to ${origin} over ${protocol}${tls ? " with TLS" : ""}`;
  }

  sends(scope: RouteScope, exchange: Exchange): readonly string[] | undefined {
    const proxy = proxyOf(scope);
    return proxy && this.#forwarders.get(proxy)?.preview(exchange);
  }

  predict(scope: RouteScope, exchange: Exchange, phase: Phase): void {
    const proxy = proxyOf(scope);
    if (proxy !== undefined && phase === "authorize") {
      this.#authRequests.get(proxy)?.predict(exchange);
    }
  }

  #forwarder(scope: RouteScope, proxy: ProxyConfig, origin: string): Forwarder {
    return new Forwarder({
      upstream: origin,
      host: hostOf(origin),
      origin: this.#upstream(proxy, origin),
      scheme: proxy.upstream_tls ? "https" : "http",
      policy: policiesOf(this.context).request(scope, { zeroRetention: this.#zeroRetention }),
      upgrades: upgradeRules(proxy),
      bodyTimeoutMs: proxy.downstream_read_timeout_secs * 1000,
      writeTimeoutMs: proxy.downstream_write_timeout_secs * 1000,
      responseTimeoutMs: (proxy.downstream_total_response_timeout_secs ?? 0) * 1000,
      minSendRate: proxy.downstream_min_send_rate_bytes_per_sec ?? 0,
      // What is tunnelled may be silent for hours: here only a limit that was asked for counts.
      tunnelIdleMs: (proxy.read_timeout_secs ?? 0) * 1000,
    });
  }

  /** Scopes with the same upstream, spoken to in the same way, share its connections. */
  #upstream(proxy: ProxyConfig, origin: string): Upstream {
    const { clock, config: { server } } = this.context;
    const { upstream_h2_max_streams: maxStreams = 1, upstream_h2_ping_interval_secs: ping = 0 } =
      proxy;
    const name = `upstream ${origin}`;
    const log = this.#log;
    const pool = keptPool(this.context, {
      name,
      log,
      target: targetOf(proxy, origin, this.#material),
      timeouts: timeoutsOf(proxy),
      clock,
      maxIdle: server.process.upstream_keepalive_pool_size,
      maxStreams,
      pingIntervalMs: ping * 1000,
    });
    return new Upstream(pool, { name, maxRetries: server.process.max_retries, log });
  }

  #authorize(scope: RouteScope, proxy: ProxyConfig): Steps["authorize"] {
    const auth = proxy.auth_request;
    if (auth?.enabled !== true || auth.url === undefined) return undefined;
    const config = { ...auth, url: auth.url };
    const { metrics } = this.context;
    const log = this.#log;
    const service = serviceAt(endpointOf(config.url), "auth service", authLimits(config), {
      ...this.context,
      log,
    });
    const context = { metrics, log, service, zeroRetention: this.#zeroRetention };
    const authRequest = new AuthRequest(config, scope, context);
    this.#authRequests.set(proxy, authRequest);
    return authRequest.authorize;
  }
}
