/**
 * The reverse proxy: forwards requests to upstreams over kept connections (spec 02 section 9).
 *
 * @module
 */
import type { Config } from "../../config/types.ts";
import { scopesOf } from "../../gateway/edge_policy.ts";
import type { Exchange } from "../../gateway/exchange.ts";
import type {
  FileRequest,
  Grant,
  Module,
  Permissions,
  RouteScope,
  RunningModule,
  Steps,
  WorkerContext,
} from "../../gateway/module.ts";
import { targetKey } from "../../net/dial.ts";
import { requestPolicyFor } from "../headers/module.ts";
import { AuthRequest } from "./auth_request.ts";
import { checkProxies } from "./checks.ts";
import { endpointGrant, endpointOf } from "./endpoint.ts";
import { Forwarder } from "./forward.ts";
import { checkGrpc } from "./grpc.ts";
import { UpstreamPool } from "./pool.ts";
import { grpcSchema, originOf, type ProxyConfig, proxySchema } from "./schema.ts";
import { targetOf, timeoutsOf } from "./target.ts";

export type { ProxyConfig } from "./schema.ts";
export { originOf } from "./schema.ts";
export { type Endpoint, endpointGrant, endpointOf, poolForEndpoint } from "./endpoint.ts";

/** Largest PEM file that is read (spec 02 section 9.1). */
const MAX_PEM_BYTES = 1024 * 1024;

/** The module `proxy`. */
export const module: Module = {
  name: "proxy",
  schema: [
    { table: "proxy", scopes: ["root", "vhost", "route"], schema: proxySchema },
    { table: "grpc", scopes: ["route"], schema: grpcSchema },
  ],
  check: checkProxies,
  // Which hosts is for the configuration to say.
  manifest: { net: true, read: true },
  permissions(config): Permissions {
    const net: Grant[] = [];
    for (const [proxy, key] of proxiesOf(config)) {
      const origin = originOf(proxy);
      if (origin !== undefined) {
        net.push({ value: origin, key: originKey(proxy, key), for: "edge" });
      }
      const auth = proxy.auth_request;
      if (auth?.enabled === true && auth.url !== undefined) {
        const value = endpointGrant(endpointOf(auth.url));
        net.push({ value, key: `${key}.auth_request.url`, for: "edge" });
      }
    }
    const read = pemFiles(config).map(({ path, key }): Grant => ({
      value: path,
      key,
      for: "keeper",
    }));
    return { net, read };
  },
  files: pemFiles,
  start(context) {
    return Promise.resolve(new RunningProxy(context));
  },
};

/** The proxy blocks of a configuration with the keys they stand at. */
function* proxiesOf(config: Config): Generator<readonly [proxy: ProxyConfig, key: string]> {
  for (const { vhost, route, key } of scopesOf(config)) {
    const proxy = route === undefined ? vhost.proxy : route.proxy;
    if (proxy !== undefined) yield [proxy, `${key}.proxy`];
  }
}

function originKey(proxy: ProxyConfig, key: string): string {
  return proxy.upstream === undefined ? `${key}.upstreams[0]` : `${key}.upstream`;
}

function pemFiles(config: Config): FileRequest[] {
  const files: FileRequest[] = [];
  for (const [proxy, key] of proxiesOf(config)) {
    for (
      const name of [
        "upstream_ca_path",
        "upstream_client_cert_path",
        "upstream_client_key_path",
      ] as const
    ) {
      const path = proxy[name];
      if (path !== undefined) files.push({ path, key: `${key}.${name}`, maxBytes: MAX_PEM_BYTES });
    }
  }
  return files;
}

/** The proxy of one worker and one snapshot. */
class RunningProxy implements RunningModule {
  /** Scopes with the same upstream, spoken to in the same way, share its connections. */
  readonly #pools = new Map<string, UpstreamPool>();
  readonly #authServices: AuthRequest[] = [];
  /** By the table of their scope. */
  readonly #forwarders = new Map<object, Forwarder>();

  constructor(readonly context: WorkerContext) {}

  plan(scope: RouteScope): Steps | undefined {
    const { vhost, route } = scope;
    const proxy = route === undefined ? vhost.proxy : route.proxy;
    const origin = proxy === undefined ? undefined : originOf(proxy);
    if (proxy === undefined || origin === undefined) return undefined;
    const forwarder = this.#forwarder(scope, proxy, origin);
    this.#forwarders.set(proxy, forwarder);
    return {
      check: route?.grpc?.enabled === true ? checkGrpc : undefined,
      authorize: this.#authorize(scope, proxy),
      forward: (exchange) => forwarder.forward(exchange),
    };
  }

  stop(): void {
    for (const pool of this.#pools.values()) pool.stop();
    for (const service of this.#authServices) service.stop();
  }

  explain(scope: RouteScope): string | undefined {
    const proxy = scope.route === undefined ? scope.vhost.proxy : scope.route.proxy;
    const origin = proxy === undefined ? undefined : originOf(proxy);
    if (proxy === undefined || origin === undefined) return undefined;
    const protocol = proxy.upstream_http_version === "http1" ? "HTTP/1.1" : "HTTP/2";
    return `forwards to ${origin} over ${protocol}${proxy.upstream_tls ? " with TLS" : ""}`;
  }

  sends({ vhost, route }: RouteScope, exchange: Exchange): readonly string[] | undefined {
    const proxy = route === undefined ? vhost.proxy : route.proxy;
    return proxy === undefined ? undefined : this.#forwarders.get(proxy)?.preview(exchange);
  }

  #forwarder(scope: RouteScope, proxy: ProxyConfig, origin: string): Forwarder {
    const { server } = this.context.config;
    const readMs = (proxy.read_timeout_secs ?? 0) * 1000;
    return new Forwarder({
      upstream: origin,
      pool: this.#pool(proxy, origin),
      scheme: proxy.upstream_tls ? "https" : "http",
      policy: requestPolicyFor(scope, { zeroRetention: this.context.modules.has("privacy-mode") }),
      trailers: proxy.upstream_http_version !== "http1",
      upgrades: { websocket: proxy.websocket, protocols: proxy.upgrade_protocols },
      maxRetries: server.process.max_retries,
      bodyTimeoutMs: proxy.downstream_read_timeout_secs * 1000,
      writeTimeoutMs: proxy.downstream_write_timeout_secs * 1000,
      responseTimeoutMs: proxy.downstream_total_response_timeout_secs * 1000,
      minSendRate: proxy.downstream_min_send_rate_bytes_per_sec ?? 0,
      tunnelIdleMs: readMs,
      log: this.context.log,
    });
  }

  #pool(proxy: ProxyConfig, origin: string): UpstreamPool {
    const { clock, config, files } = this.context;
    const target = targetOf(proxy, origin, files);
    const timeouts = timeoutsOf(proxy);
    const { upstream_h2_max_streams: streams, upstream_h2_ping_interval_secs: ping } = proxy;
    const key = JSON.stringify([targetKey(target), timeouts, streams, ping]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const maxIdle = config.server.process.upstream_keepalive_pool_size;
      const maxStreams = proxy.upstream_h2_max_streams ?? 1;
      const pingIntervalMs = (proxy.upstream_h2_ping_interval_secs ?? 0) * 1000;
      pool = new UpstreamPool({ target, timeouts, clock, maxIdle, maxStreams, pingIntervalMs });
      this.#pools.set(key, pool);
    }
    return pool;
  }

  #authorize(scope: RouteScope, proxy: ProxyConfig): Steps["authorize"] {
    const auth = proxy.auth_request;
    if (auth?.enabled !== true || auth.url === undefined) return undefined;
    const service = new AuthRequest({ ...auth, url: auth.url }, scope, this.context);
    this.#authServices.push(service);
    return service.authorize;
  }
}
