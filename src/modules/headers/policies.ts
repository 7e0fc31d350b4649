/** The header policies of a configuration, each compiled once. @module */
import type { Config } from "../../config/types.ts";
import type { RouteScope } from "../../gateway/module.ts";
import { IpSet } from "../../net/ip_set.ts";
import { type HeaderScope, requestSettings, responseSettings } from "./merge.ts";
import { RequestPolicy } from "./request_policy.ts";
import { ResponsePolicy } from "./response_policy.ts";
import type { HeadersConfig } from "./schema.ts";

/** What decides about request policies beside the configuration. */
export interface RequestPolicyOptions {
  /**
   * The privacy profile's rule (spec 01 section 9): a client's address leaves in no field, whatever is
   * configured.
   */
  readonly zeroRetention?: boolean;
}

/**
 * The policy that makes an upstream's request fields in `scope`. For modules that ask upstreams, when
 * they compile their steps.
 */
export function requestPolicyFor(
  scope: RouteScope,
  { zeroRetention = false }: RequestPolicyOptions = {},
): RequestPolicy {
  return compiledFor(scope.config).request(scope, zeroRetention);
}

/** Policies of one configuration; scopes to which the same tables apply share one. */
class CompiledPolicies {
  readonly #config: Config;
  readonly #trustedProxies: IpSet;
  readonly #responses = new ByTables<ResponsePolicy>();
  readonly #requests = new ByTables<RequestPolicy>();
  readonly #privateRequests = new ByTables<RequestPolicy>();

  constructor(config: Config) {
    this.#config = config;
    this.#trustedProxies = IpSet.of(config.server.trusted_proxies);
  }

  response(scope: HeaderScope): ResponsePolicy {
    return this.#responses.get(scope, () => new ResponsePolicy(responseSettings(scope)));
  }

  request(scope: HeaderScope, zeroRetention: boolean): RequestPolicy {
    const { access } = this.#config.logging;
    const hasIds = access.enabled && access.request_id && !zeroRetention;
    const policies = zeroRetention ? this.#privateRequests : this.#requests;
    return policies.get(scope, () =>
      new RequestPolicy(requestSettings(scope), {
        trustedProxies: this.#trustedProxies,
        requestIdField: hasIds ? access.request_id_header : undefined,
        zeroRetention,
      }));
  }
}

/** Something for each pair of tables that a vhost and a route have. */
class ByTables<T> {
  readonly #made = new Map<HeadersConfig | undefined, Map<HeadersConfig | undefined, T>>();

  get({ vhost, route }: HeaderScope, make: () => T): T {
    let byRoute = this.#made.get(vhost.headers);
    if (byRoute === undefined) this.#made.set(vhost.headers, byRoute = new Map());
    let found = byRoute.get(route?.headers);
    if (found === undefined) byRoute.set(route?.headers, found = make());
    return found;
  }
}

/** Ends with the configuration it is about. */
const compiled = new WeakMap<Config, CompiledPolicies>();

/** The policies of `config`. */
export function compiledFor(config: Config): CompiledPolicies {
  let policies = compiled.get(config);
  if (policies === undefined) compiled.set(config, policies = new CompiledPolicies(config));
  return policies;
}
