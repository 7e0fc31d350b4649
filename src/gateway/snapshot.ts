/**
 * An immutable compiled configuration: hosts, routes and a plan for each way a request can take.
 *
 * @module
 */
import type { Config, VhostConfig } from "../config/types.ts";
import { clientAddressOf, type ClientAddressRule } from "./route/client_address.ts";
import type { Exchange, Finished, NamePolicies, Plan } from "./exchange/exchange.ts";
import { HOST_REFUSALS, HostTable } from "./route/host_table.ts";
import { compileHttpsRedirect } from "./route/https_redirect.ts";
import type { KeepHold } from "./keep.ts";
import type { Counter } from "./reports/metrics.ts";
import type { RouteScope, RunningModule, SnapshotContext, Step } from "./module.ts";
import { isSafePath, isSafeWithSlashes } from "./route/path_safety.ts";
import { RoutePolicies } from "./route/name_policy.ts";
import { joinPlan, type OwnSteps, type ScopeSteps, scopeSteps, stepsOfBoth } from "./plan.ts";
import { policyRoutes } from "./route/policy_route.ts";
import { compileRedirect, matchedRoutes } from "./route/redirect.ts";
import { type Refusal, refuse } from "./exchange/refusal.ts";
import { requestIdStep } from "./reports/request_id.ts";
import { compileRewrite } from "./route/rewrite.ts";
import { type RouteMatch, RouteTable } from "./route/route_table.ts";
import type { HeadFault } from "../http/exchange.ts";
import { mergeTls } from "../net/tls/merge.ts";
import type { TlsListenerSpec } from "../net/tls/spec.ts";
import { TrustedPeers } from "../net/trusted_peers.ts";

const UNSAFE_PATH: Refusal = { status: 400, text: "unsafe request path", cause: "path" };
const BAD_REWRITE: Refusal = { status: 400, text: "bad request", cause: "rewrite" };
const TOO_LARGE: Refusal = { status: 413, text: "", cause: "body", close: true };

/** For what is wrong with sizes and framing of a head that could be read; its connection ends. */
const HEAD_REFUSALS: Readonly<Record<HeadFault["status"], Refusal>> = {
  400: { status: 400, text: "", cause: "framing", close: true },
  413: TOO_LARGE,
  414: { status: 414, text: "", cause: "framing", close: true },
  431: { status: 431, text: "", cause: "framing", close: true },
};

/** One vhost, ready to serve. */
interface CompiledVhost {
  readonly vhost: VhostConfig;
  readonly routes: RouteTable;
  readonly names: NamePolicies | undefined;
  /** Whether a route takes paths with `%2F`. */
  readonly hasEncodedSlashes: boolean;
  /** The scope of the vhost's own actions, then one for each route. */
  readonly scopes: readonly CompiledScope[];
}

/** One scope of a vhost: its steps, and the plans in which it is the matched one. */
interface CompiledScope {
  readonly scope: RouteScope;
  readonly steps: ScopeSteps;
  readonly plan: Plan;
  /** Plans for requests that other routes guard, by their indices; made when first needed. */
  readonly withPolicy: Map<number, Plan>;
}

/** A compiled configuration. */
export class Snapshot {
  /** Exchanges that began on this snapshot and are not over. */
  inFlight = 0;
  readonly finished: readonly Finished[];
  /** Whether a module uses the times of exchanges. */
  readonly usesTime: boolean;
  readonly #begin: readonly ((exchange: Exchange) => void)[];
  readonly #hosts: HostTable;
  readonly #vhosts: readonly CompiledVhost[];
  readonly #clientAddress: ClientAddressRule;
  readonly #rejections: Readonly<Record<keyof typeof HOST_REFUSALS, Counter>>;

  /** The log has a warning about a trusted peer's word that cannot be read. */
  #hasReportedUnreadable = false;

  /** Compiles `config` with modules that were started for it. */
  constructor(
    readonly config: Config,
    readonly modules: readonly RunningModule[],
    readonly context: SnapshotContext,
    readonly hold: KeepHold,
  ) {
    const { server, vhosts } = config;
    this.#hosts = new HostTable(vhosts, {
      defaultVhost: server.default_vhost,
      strict: server.host_routing.strict,
    });
    this.#clientAddress = clientAddressOf(
      TrustedPeers.of(server.trusted_proxies),
      (peer) => this.#reportUnreadable(peer),
      server.real_ip_header,
    );
    this.usesTime = modules.some(({ usesTime }) => usesTime === true);
    this.#begin = modules.flatMap((module) => module.begin?.bind(module) ?? []);
    this.finished = modules.flatMap((module) => module.finished?.bind(module) ?? []);
    this.#vhosts = vhosts.map((vhost, index) => compileVhost(config, vhost, index, modules));
    const rejected = (reason: string) =>
      context.metrics.counter("fluxheim_host_routing_rejections_total", { reason });
    this.#rejections = {
      missing: rejected("missing"),
      invalid: rejected("invalid"),
      unknown: rejected("unknown"),
    };
  }

  /** What TLS listeners show and ask for: the parts of all modules as one. */
  get listenerTls(): TlsListenerSpec | undefined {
    return mergeTls(this.modules.flatMap(({ listenerTls }) => listenerTls ?? []));
  }

  /**
   * Finds who serves a request: rows 1 to 3 of spec 02 section 3. Sets host, client address and scope
   * of the exchange.
   *
   * @returns The plan, or `undefined` when the request was refused.
   */
  locate(exchange: Exchange): Plan | undefined {
    exchange.clientAddress = this.#clientAddress(exchange);
    const begin = this.#begin;
    for (let i = 0; i < begin.length; i++) begin[i](exchange);
    const { authority, host } = exchange;
    const selected = this.#hosts.select(authority, host);
    if (typeof selected === "string") {
      this.#rejections[selected].count();
      this.context.log.log(
        "warn",
        "fluxheim::security",
        `host routing rejection: ${selected} host`,
      );
      refuse(exchange, HOST_REFUSALS[selected]);
      return undefined;
    }
    const { path } = exchange;
    const compiled = this.#vhosts[selected];
    exchange.servedPath = path;
    const isSafe = isSafePath(path);
    const match = isSafe || compiled.hasEncodedSlashes && isSafeWithSlashes(path)
      ? compiled.routes.match(exchange.method, path, exchange)
      : undefined;
    const at = scopeIndex(match);
    const found = compiled.scopes[at];
    if (!isSafe && found.scope.route?.encoded_slashes !== true) {
      exchange.scope = compiled.scopes[0].scope;
      refuse(exchange, UNSAFE_PATH);
      return undefined;
    }
    exchange.scope = found.scope;
    exchange.captures = match?.captures;
    const guards = policyRoutes(compiled.routes, exchange.method, path, exchange);
    return guards === undefined ? found.plan : planWithPolicies(compiled, at, guards);
  }

  /** Once a snapshot: a proxy that writes one such chain writes them all alike. */
  #reportUnreadable(peer: string): void {
    if (this.#hasReportedUnreadable) return;
    this.#hasReportedUnreadable = true;
    const header = this.config.server.real_ip_header;
    this.context.log.log(
      "warn",
      "fluxheim::security",
      `${header} of the trusted proxy ${peer} has an entry that is not an address; ` +
        "the proxy itself counts as the client (further ones are not logged)",
    );
  }

  /** Stops the modules; nothing may be in flight any more. */
  async stop(): Promise<void> {
    for (const module of this.modules) await module.stop();
    await this.hold.release();
  }
}

/** Scope 0 is the vhost's own. */
function scopeIndex(match: RouteMatch | undefined): number {
  return match === undefined ? 0 : match.index + 1;
}

function compileVhost(
  config: Config,
  vhost: VhostConfig,
  index: number,
  modules: readonly RunningModule[],
): CompiledVhost {
  const key = `vhosts[${index}]`;
  const scopes: RouteScope[] = [{ config, vhost, route: undefined, key }];
  const routes = matchedRoutes(vhost);
  routes.forEach((route, at) => {
    scopes.push({ config, vhost, route, key: `${key}.routes[${at}]` });
  });
  const steps = scopes.map((scope) => scopeSteps(scope, modules));
  const table = new RouteTable(routes);
  const names = routes.length === 0 ? undefined : new RoutePolicies(table, steps);
  return {
    vhost,
    routes: table,
    names,
    hasEncodedSlashes: routes.some((route) => route.encoded_slashes === true),
    scopes: scopes.map((scope, at) => ({
      scope,
      steps: steps[at],
      plan: {
        ...joinPlan(
          steps[0],
          at === 0 ? undefined : steps[at],
          undefined,
          ownSteps(scope, scope),
        ),
        scopes: [at],
        names,
      },
      withPolicy: new Map(),
    })),
  };
}

/** At most one plan for each route and those that guard it: the table is bounded by the configuration. */
function planWithPolicies(
  vhost: CompiledVhost,
  at: number,
  guards: readonly RouteMatch[],
): Plan {
  const found = vhost.scopes[at];
  const others = guards.map(scopeIndex).filter((other) => other !== at);
  if (others.length === 0) return found.plan;
  const key = others.reduce((sum, other) => sum * vhost.scopes.length + other, 0);
  let plan = found.withPolicy.get(key);
  if (plan === undefined) {
    const policies = others.map((other) => vhost.scopes[other]);
    plan = {
      ...joinPlan(
        vhost.scopes[0].steps,
        at === 0 ? undefined : found.steps,
        policies.map(({ steps }) => steps).reduce(stepsOfBoth),
        ownSteps(found.scope, policies[0].scope),
      ),
      scopes: [at, ...others],
      names: vhost.names,
    };
    found.withPolicy.set(key, plan);
  }
  return plan;
}

function ownSteps(scope: RouteScope, policy: RouteScope): OwnSteps {
  const { config, vhost, route } = scope;
  return {
    limits: limitRequest(
      policy.route?.max_request_body_bytes ?? route?.max_request_body_bytes ??
        vhost.max_request_body_bytes ?? config.server.limits.max_request_body_bytes,
    ),
    requestId: requestIdStep(config),
    httpsRedirect: compileHttpsRedirect(scope),
    rewrite: rewriteStep(scope),
    redirect: route?.redirect === undefined ? undefined : compileRedirect(route.redirect),
    restorePath: (exchange) => {
      exchange.servedPath = exchange.path;
    },
  };
}

/** Row 8, in the order of spec 01 section 3.5. */
function limitRequest(maxBodyBytes: number): Step {
  return (exchange) => {
    const { headFault } = exchange;
    if (headFault !== undefined) {
      refuse(exchange, HEAD_REFUSALS[headFault.status]);
      return;
    }
    exchange.bodyLimit = maxBodyBytes;
    const length = exchange.requestBody?.length;
    if (length !== undefined && length > maxBodyBytes) refuse(exchange, TOO_LARGE);
  };
}

function rewriteStep(scope: RouteScope): Step | undefined {
  const rewrite = scope.route === undefined ? undefined : compileRewrite(scope.route);
  if (rewrite === undefined) return undefined;
  return (exchange) => {
    const path = rewrite(exchange.path, exchange.captures);
    if (path === undefined) refuse(exchange, BAD_REWRITE);
    else exchange.servedPath = path;
  };
}
