/** From a `php` table to what its parts work with. @module */
import type { RouteScope, SnapshotContext } from "../../gateway/module.ts";
import type { UpstreamTarget } from "../../net/dial/dial.ts";
import { FastCgiPool } from "../../net/fastcgi/mod.ts";
import { count } from "../../zones/count.ts";
import { pageSite } from "../web/edge.ts";
import type { AnswerSettings } from "./answer/answer_maker.ts";
import { type Endpoint, servedBy } from "./fpm/endpoint.ts";
import { fileRule } from "./file_rule.ts";
import { ownDirectory } from "./managed/safety.ts";
import { encodePatterns } from "./fpm/stderr.ts";
import type { SpoolSettings } from "./request/collected_body.ts";
import type { ParamSettings } from "./request/params.ts";
import { type Responder, Responders } from "./fpm/responders.ts";
import { PoolMeter, retryCounter } from "./counters.ts";
import { type EnabledPhp, idleZone, poolLabel } from "./table.ts";

/** The endpoints of a table, and how they are asked. */
export function respondersOf(
  php: EnabledPhp,
  scope: RouteScope,
  context: SnapshotContext,
): Responders {
  const { fpm } = php;
  const { clock } = context;
  const limits = [php.request_timeout_secs, fpm.read_timeout_secs, fpm.write_timeout_secs];
  const silenceSecs = Math.min(...limits.filter((secs) => secs !== undefined));
  const endpoints = servedBy(php, scope).map(({ endpoint }) => endpoint);
  return new Responders(
    endpoints.map((endpoint, i) => {
      const label = poolLabel(scope);
      const pool = endpoints.length === 1 ? label : `${label}-${i}`;
      return responderOf(endpoint, pool, php, scope, context);
    }),
    {
      clock,
      silenceMs: silenceSecs * 1000,
      maxBytes: php.max_response_bytes,
      maxRetries: fpm.max_retries,
      retryWindowMs: fpm.retry_timeout_secs === undefined
        ? Infinity
        : fpm.retry_timeout_secs * 1000,
      retryMethods: new Set<string>(fpm.retry_methods),
      retriesInvalid: fpm.retry_invalid_response,
      retryStatuses: new Set(fpm.retry_statuses),
      stderrMaxBytes: php.stderr_max_bytes,
      stderrPatterns: encodePatterns(php.stderr_failure_patterns),
      onRetry: retryCounter(context.metrics, scope.vhost.name),
    },
  );
}

/** Connections and what is known of an endpoint outlive a reload that leaves them alone. */
function responderOf(
  endpoint: Endpoint,
  pool: string,
  php: EnabledPhp,
  scope: RouteScope,
  { keep, clock, zones, metrics }: SnapshotContext,
): Responder {
  const { fpm, request_timeout_secs } = php;
  const connectSecs = Math.min(fpm.connect_timeout_secs ?? Infinity, request_timeout_secs);
  const target = targetOf(endpoint, connectSecs * 1000);
  const maxIdle = fpm.keepalive ? fpm.pool_max_idle : 0;
  const idleMs = fpm.idle_timeout_secs * 1000;
  const zone = idleZone(scope);
  const key = `php/pool ${JSON.stringify([target, maxIdle, idleMs, zone, pool])}`;
  return keep(key, () => {
    const meter = new PoolMeter(metrics, scope.vhost.name, pool);
    const kept = new FastCgiPool({
      target,
      clock,
      maxIdle,
      idleMs,
      idle: zones.open(count, zone),
      onEvent: (event, idle) => meter.count(event, idle),
    });
    return new KeptResponder(kept, meter);
  });
}

class KeptResponder implements Responder {
  downUntil = 0;

  constructor(readonly pool: FastCgiPool, readonly meter: PoolMeter) {}

  close(): void {
    this.pool.close();
    this.meter.close();
  }
}

function targetOf(endpoint: Endpoint, connectTimeoutMs: number): UpstreamTarget {
  const where = endpoint.kind === "unix"
    ? { host: "localhost", port: 0, path: endpoint.path }
    : { host: endpoint.host, port: endpoint.port };
  return {
    ...where,
    tls: undefined,
    version: "http1",
    proxyProtocol: "off",
    connectTimeoutMs,
    totalConnectTimeoutMs: connectTimeoutMs,
  };
}

/** Settings for answers that are the table's alone. */
export function answerSettings(
  php: EnabledPhp,
  scope: RouteScope,
): Pick<
  AnswerSettings,
  "maxHeadBytes" | "hidden" | "ignoresCacheFields" | "intercepted" | "isSource"
> {
  const source = fileRule(scope);
  return {
    maxHeadBytes: php.max_response_header_bytes,
    hidden: php.hide_response_headers,
    ignoresCacheFields: php.ignore_origin_cache_headers,
    intercepted: new Set([
      ...php.intercept_error_statuses,
      ...php.error_pages.map(({ status }) => status),
    ]),
    isSource: (name) => source?.isSource(name) === true,
  };
}

/** Settings for parameters. */
export function paramSettings(php: EnabledPhp, { vhost }: RouteScope): ParamSettings {
  return {
    passesHeaders: php.pass_request_headers,
    serverPort: php.server_port,
    vhostName: vhost.name,
    custom: Object.entries(php.params),
    keepsConnection: php.fpm.keepalive,
  };
}

/**
 * Where bodies wait; `undefined` where all of them stay in memory. The directory is made where it is missing.
 *
 * @throws where the directory is not safe.
 */
export function spoolOf(php: EnabledPhp): SpoolSettings | undefined {
  const { request_body_spool_dir: directory, request_body_spool_threshold_bytes: threshold } = php;
  if (directory === undefined || threshold === undefined) return undefined;
  const fault = ownDirectory(directory);
  if (fault !== undefined) throw new Error(fault);
  return { directory, threshold };
}

/** The files that scripts let the gateway send: any below the root. */
export function offloadSite(php: EnabledPhp, context: SnapshotContext) {
  return pageSite(context, {
    root: php.root,
    index_files: ["index.html"],
    deny_dotfiles: true,
    deny_well_known: false,
    symlinks: php.resolve_root_symlink ? "inside-root" : "refuse",
    charset: "utf-8",
    cache_control: "private, no-store",
    directory_listing: { enabled: false, exact_size: false, local_time: false },
  });
}
