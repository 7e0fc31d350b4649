/**
 * Header policy: what of a request's fields an upstream sees, and what of an answer's fields a client
 * sees (spec 02 section 6).
 *
 * @module
 */
import type { Config, Problem } from "../../config/types.ts";
import { ownTables, placesAreKnown, scopesOf } from "../../gateway/edge_policy.ts";
import type { Module, RouteScope, RunningModule } from "../../gateway/module.ts";
import { IpSet } from "../../net/ip_set.ts";
import { type CorsSettings, type HeaderScope, requestSettings, responseSettings } from "./merge.ts";
import { RequestPolicy } from "./request_policy.ts";
import { ResponsePolicy } from "./response_policy.ts";
import { type HeadersConfig, tables } from "./schema.ts";
import { placeVariables } from "./template.ts";

export { CLIENT_ADDRESS_FIELDS, dashed, HOP_BY_HOP_FIELDS } from "./field_names.ts";
export { type RequestPolicy } from "./request_policy.ts";
export type { HeadersConfig } from "./schema.ts";

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

/** The capability, for profiles. */
export const module: Module = {
  name: "headers",
  schema: tables,
  manifest: {},
  permissions: () => ({}),
  check: (config) => [...checkMerged(config), ...checkPlaces(config)],
  start: ({ config }) => Promise.resolve(runningFor(config)),
};

function runningFor(config: Config): RunningModule {
  const compiled = compiledFor(config);
  return {
    plan(scope) {
      const policy = compiled.response(scope);
      const { check, apply } = policy;
      return check === undefined ? { response: apply } : { check, response: apply };
    },
    explain: (scope) => `answer fields: ${compiled.response(scope).describe()}`,
    stop() {},
  };
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

function compiledFor(config: Config): CompiledPolicies {
  let policies = compiled.get(config);
  if (policies === undefined) compiled.set(config, policies = new CompiledPolicies(config));
  return policies;
}

/** What no single table shows, but tables laid over each other do. */
function checkMerged(config: Config): Problem[] {
  const problems: Problem[] = [];
  const check = (scope: HeaderScope, key: string) => {
    const { cors, hstsWithoutAge } = responseSettings(scope);
    const report = (name: string, message: string, hint?: string) =>
      problems.push({ key: `${key}headers.response.${name}`, message, hint });
    if (hstsWithoutAge) report("hsts", "must have max_age_secs above 0 when hsts is enabled");
    if (cors === undefined) return;
    if (cors.origins.length === 0) report("cors", "must have allow_origins when cors is enabled");
    if (!cors.credentials) return;
    if (cors.origins.includes("*")) {
      report("cors", 'must not have allow_credentials together with the origin "*"');
    }
    for (const [name, listed] of corsLists(cors)) {
      if (!listed.includes("*")) continue;
      report(
        `cors.${name}`,
        'must not list "*" together with allow_credentials: to a browser that sends credentials it is ' +
          "a name like any other",
        "list the names",
      );
    }
  };
  if (config.headers !== undefined) check({ config, vhost: {}, route: undefined }, "");
  for (const scope of scopesOf(config)) {
    if (ownTables(scope).headers !== undefined) check(scope, `${scope.key}.`);
  }
  return problems;
}

/** The lists in which the Fetch standard gives `*` its meaning for requests without credentials only. */
function corsLists(cors: CorsSettings): readonly (readonly [string, readonly string[]])[] {
  return [
    ["allow_methods", cors.methods],
    ["allow_headers", cors.allowHeaders],
    ["expose_headers", cors.exposeHeaders],
  ];
}

/** Values that would always come out empty, because nobody knows where clients are. */
function checkPlaces(config: Config): Problem[] {
  if (placesAreKnown(config)) return [];
  const problems: Problem[] = [];
  const check = (headers: HeadersConfig | undefined, key: string) => {
    const request = headers?.request;
    const maps = {
      set: request?.set,
      add: request?.add,
      "operations.add": request?.operations?.add,
    };
    for (const [spelling, map] of Object.entries(maps)) {
      for (const [name, value] of Object.entries(map ?? {})) {
        const [variable] = placeVariables(value);
        if (variable === undefined) continue;
        problems.push({
          key: `${key}headers.request.${spelling}.${name}`,
          message:
            `must not use ${variable} unless geoip.enabled is true: without it no client has a ` +
            "place",
        });
      }
    }
  };
  check(config.headers, "");
  for (const scope of scopesOf(config)) check(ownTables(scope).headers, `${scope.key}.`);
  return problems;
}
