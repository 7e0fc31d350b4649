/** The header policies of a configuration, each compiled once. @module */
import type { Config } from "../../config/types.ts";
import type { SnapshotContext } from "../../gateway/module.ts";
import { TrustedPeers } from "../../net/trusted_peers.ts";
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

/** Policies of one configuration; scopes to which the same tables apply share one. */
export class HeaderPolicies {
  readonly #config: Config;
  readonly #trustedProxies: TrustedPeers;
  readonly #responses = new ByTables<ResponsePolicy>();
  readonly #requests = new ByTables<RequestPolicy>();
  readonly #privateRequests = new ByTables<RequestPolicy>();

  constructor(config: Config) {
    this.#config = config;
    this.#trustedProxies = TrustedPeers.of(config.server.trusted_proxies);
  }

  /** The policy for the fields of answers in `scope`. */
  response(scope: HeaderScope): ResponsePolicy {
    return this.#responses.get(scope, () => new ResponsePolicy(responseSettings(scope)));
  }

  /** The policy that makes an upstream's request fields in `scope`. */
  request(scope: HeaderScope, { zeroRetention = false }: RequestPolicyOptions = {}): RequestPolicy {
    const { access } = this.#config.logging;
    const hasIds = access.enabled && access.request_id && !zeroRetention;
    const policies = zeroRetention ? this.#privateRequests : this.#requests;
    return policies.get(scope, () =>
      new RequestPolicy(requestSettings(scope), {
        trustedProxies: this.#trustedProxies,
        realIpHeader: this.#config.server.real_ip_header,
        requestIdField: hasIds ? access.request_id_header : undefined,
        zeroRetention,
        tracing: isTraced(this.#config),
      }));
  }
}

/** Read by shape: a build with header policies need not have the module of traces. */
function isTraced(config: Config): boolean {
  const tracing: unknown = Reflect.get(config, "tracing");
  return typeof tracing === "object" && tracing !== null &&
    Reflect.get(tracing, "enabled") === true;
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

/** The policies of a snapshot, for all modules that ask upstreams or answer in it. */
export function policiesOf(context: Pick<SnapshotContext, "config" | "once">): HeaderPolicies {
  return context.once("headers/policies", () => new HeaderPolicies(context.config));
}
