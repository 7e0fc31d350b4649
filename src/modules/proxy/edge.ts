/** The reverse proxy at work (spec 02 section 9). @module */
import { SILENT } from "../../gateway/reports/log_none.ts";
import type { Exchange } from "../../gateway/exchange/exchange.ts";
import { ByScope, ownTables } from "../../gateway/edge_policy.ts";
import type { Logger } from "../../gateway/reports/log.ts";
import type {
  EdgeModule,
  Phase,
  RouteScope,
  RunningModule,
  SnapshotContext,
  Steps,
} from "../../gateway/module.ts";
import type { Origin } from "../../gateway/origin.ts";
import { type Refusal, refuse } from "../../gateway/exchange/refusal.ts";
import { policiesOf } from "../headers/edge.ts";
import { authLimits, AuthRequest } from "./auth_request.ts";
import { endpointOf } from "./endpoint.ts";
import { Forwarder } from "./forward.ts";
import { checkGrpc, explainGrpc } from "./grpc.ts";
import { type BalancedOrigin, balancers, type MemberUpstream } from "./balanced.ts";
import { keptPool, poolKey, type PoolOptions, UpstreamPool } from "./connections/pool.ts";
import type { ProxyConfig } from "./schema.ts";
import { serviceAt } from "./service.ts";
import { asking, type AskingConfig, isGlobal, originOf, proxyOf } from "./table.ts";
import { balancedHost, hostOf, targetOf, timeoutsOf, versionOf } from "./target.ts";
import { upgradeRules } from "./connections/upgrade.ts";
import { Upstream } from "./upstream.ts";
import { UpstreamMaterial } from "./upstream_files.ts";

export {
  type BalancedBlock,
  type BalancedOrigin,
  type Balancer,
  balancers,
  type MemberUpstream,
} from "./balanced.ts";
export { type Endpoint, endpointOf } from "./endpoint.ts";
export { UpstreamPool } from "./connections/pool.ts";
export { ReplayBody } from "./bodies/replay_body.ts";
export { CLAIMED_ADDRESS_FIELDS, ForwardedFields } from "./forwarded_fields.ts";
export {
  BoundedCall,
  type Question,
  type Service,
  serviceAt,
  type ServiceLimits,
} from "./service.ts";
export { balancedHost, targetOf } from "./target.ts";
export { Upstream } from "./upstream.ts";
export { UpstreamMaterial } from "./upstream_files.ts";

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
  /** Of scopes, which ask whatever answers. */
  readonly #guards = new ByScope<AuthRequest>();
  readonly #pools = new Map<ProxyConfig, BalancedOrigin>();
  /** Privacy builds: no client address is sent, no request leaves a trace in the log. */
  readonly #zeroRetention: boolean;
  readonly #log: Logger;

  constructor(readonly context: SnapshotContext) {
    this.#material = new UpstreamMaterial(context.files);
    this.#zeroRetention = context.modules.has("privacy-mode");
    this.#log = this.#zeroRetention ? SILENT : context.log;
  }

  plan(scope: RouteScope): Steps | undefined {
    const guard = this.#authRequest(scope, asking(ownTables(scope).auth_request));
    if (guard === undefined) return this.#forwarding(scope);
    this.#guards.set(scope, guard);
    return { ...this.#forwarding(scope), authenticate: guard.authorize };
  }

  #forwarding(scope: RouteScope): Steps | undefined {
    const proxy = proxyOf(scope);
    if (proxy === undefined) return undefined;
    const pool = this.#pool(scope, proxy);
    const origin = originOf(proxy);
    if (pool === undefined && origin === undefined) {
      // `[proxy]` without an upstream switches the proxy of the implicit vhost off (spec 02 section 1).
      if (isGlobal(scope)) return undefined;
      return { forward: (exchange) => refuse(exchange, NOT_CONFIGURED) };
    }
    const forwarder = pool === undefined
      ? this.#forwarder(scope, proxy, origin!, this.#upstream(proxy, origin!))
      : this.#forwarder(scope, proxy, "", pool);
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
    if (phase === "authenticate") return this.#guards.get(scope)?.explain(exchange);
    const proxy = proxyOf(scope);
    if (proxy === undefined) return undefined;
    if (phase === "authorize") return this.#authRequests.get(proxy)?.explain(exchange);
    const pool = this.#pools.get(proxy);
    const origin = originOf(proxy);
    if (pool === undefined && origin === undefined) {
      return isGlobal(scope) ? undefined : "no upstream is configured";
    }
    const refused = isGrpc(scope) ? explainGrpc(exchange) : undefined;
    if (refused !== undefined) return refused;
    const { upstream_tls: tls, auth_request: auth } = proxy;
    const protocol = PROTOCOL_NAMES[versionOf(proxy)];
    const asked = auth?.enabled === true ? `asks ${auth.url}, then ` : "";
    const action = pool?.explain(exchange) ?? `forwards to ${origin}`;
    return `${asked}${action} over ${protocol}${tls ? " with TLS" : ""}`;
  }

  sends(scope: RouteScope, exchange: Exchange): readonly string[] | undefined {
    const proxy = proxyOf(scope);
    return proxy && this.#forwarders.get(proxy)?.preview(exchange);
  }

  predict(scope: RouteScope, exchange: Exchange, phase: Phase): void {
    if (phase === "authenticate") this.#guards.get(scope)?.predict(exchange);
    const proxy = proxyOf(scope);
    if (proxy !== undefined && phase === "authorize") {
      this.#authRequests.get(proxy)?.predict(exchange);
    }
  }

  /** @param upstream The one upstream, for the access record; `""` where a pool chooses one. */
  #forwarder(
    scope: RouteScope,
    proxy: ProxyConfig,
    upstream: string,
    origin: Origin,
  ): Forwarder {
    return new Forwarder({
      upstream,
      host: upstream === "" ? balancedHost(proxy) : hostOf(upstream),
      origin,
      version: versionOf(proxy),
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
    const options = this.#poolOptions(proxy, origin);
    return this.#over(keptPool(this.context, options));
  }

  #over(pool: UpstreamPool): Upstream {
    const { name } = pool.options;
    const { max_retries: maxRetries } = this.context.config.server.process;
    return new Upstream(pool, { name, maxRetries, log: this.#log });
  }

  /** The pool of a block with several upstreams, in builds that have pools. */
  #pool(scope: RouteScope, proxy: ProxyConfig): BalancedOrigin | undefined {
    const { context } = this;
    const [balancer] = context.extensions(balancers);
    const pool = balancer?.poolOf({
      scope,
      proxy,
      context,
      connectionKey: poolKey(this.#poolOptions(proxy, "127.0.0.1:1")),
      connect: (address): MemberUpstream => {
        const connections = new UpstreamPool(this.#poolOptions(proxy, address));
        const upstream = this.#over(connections);
        return {
          fetch: (request, call) => upstream.fetch(request, call),
          close: () => connections.close(),
        };
      },
    });
    if (pool !== undefined) this.#pools.set(proxy, pool);
    return pool;
  }

  #poolOptions(proxy: ProxyConfig, origin: string): PoolOptions {
    const { clock, config: { server } } = this.context;
    const { upstream_h2_max_streams: maxStreams = 1, upstream_h2_ping_interval_secs: ping = 0 } =
      proxy;
    return {
      name: `upstream ${origin}`,
      log: this.#log,
      target: targetOf(proxy, origin, this.#material),
      timeouts: timeoutsOf(proxy),
      clock,
      maxIdle: server.process.upstream_keepalive_pool_size,
      maxStreams,
      pingIntervalMs: ping * 1000,
    };
  }

  #authorize(scope: RouteScope, proxy: ProxyConfig): Steps["authorize"] {
    const authRequest = this.#authRequest(scope, asking(proxy.auth_request));
    if (authRequest === undefined) return undefined;
    this.#authRequests.set(proxy, authRequest);
    return authRequest.authorize;
  }

  #authRequest(scope: RouteScope, config: AskingConfig | undefined): AuthRequest | undefined {
    if (config === undefined) return undefined;
    const { metrics } = this.context;
    const log = this.#log;
    const service = serviceAt(endpointOf(config.url), "auth service", authLimits(config), {
      ...this.context,
      log,
    });
    const context = { metrics, log, service, zeroRetention: this.#zeroRetention };
    return new AuthRequest(config, scope, context);
  }
}
